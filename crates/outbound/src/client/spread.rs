//! Addresses of a host in turn, so that connections spread over all of them.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// Asks the system's resolver; each answer begins with the next address.
#[derive(Debug, Default)]
pub(super) struct Spread {
    asked: Arc<AtomicUsize>,
}

impl Resolve for Spread {
    fn resolve(&self, name: Name) -> Resolving {
        self.addresses(name.as_str().to_owned())
    }
}

impl Spread {
    fn addresses(&self, host: String) -> Resolving {
        let turn = self.asked.fetch_add(1, Ordering::Relaxed);
        Box::pin(async move {
            // The client puts the URL's port in place of this one.
            let found = tokio::net::lookup_host((host.as_str(), 0)).await?;
            Ok(Box::new(in_turn(found.collect(), turn).into_iter()) as Addrs)
        })
    }
}

/// Sorted, so that turns mean the same whatever the order of the answer, and begun at the place of this turn.
fn in_turn(mut addresses: Vec<SocketAddr>, turn: usize) -> Vec<SocketAddr> {
    addresses.sort();
    addresses.dedup();
    if let Some(place) = turn.checked_rem(addresses.len()) {
        addresses.rotate_left(place);
    }
    addresses
}

/// Answers for one name with the addresses of another host.
#[derive(Debug)]
pub(super) struct Instead {
    name: String,
    host: String,
    spread: Spread,
}

impl Instead {
    pub(super) fn new(name: String, host: String) -> Self {
        Self { name, host, spread: Spread::default() }
    }
}

impl Resolve for Instead {
    fn resolve(&self, name: Name) -> Resolving {
        if !name.as_str().eq_ignore_ascii_case(&self.name) {
            return self.spread.resolve(name);
        }
        self.spread.addresses(self.host.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_address_has_its_turn() {
        let all: Vec<SocketAddr> = [3, 1, 2].map(|n| SocketAddr::from(([10, 0, 0, n], 0))).to_vec();
        let first = |turn| in_turn(all.clone(), turn)[0].ip().to_string();
        assert_eq!([0, 1, 2, 3].map(first), ["10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.1"]);
        assert_eq!(in_turn(all.clone(), 1).len(), 3);
        assert!(in_turn(Vec::new(), 7).is_empty());
    }
}
