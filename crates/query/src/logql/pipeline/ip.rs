//! `ip("...")`: an address, a range of addresses, or a network.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Addresses of one family from the first to the last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Addresses {
    first: IpAddr,
    last: IpAddr,
}

impl Addresses {
    /// Reads `10.0.0.1`, `10.0.0.1-10.0.0.9`, `10.0.0.0/8`, and the same of version 6.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let invalid = || format!("ip: invalid pattern: {text:?}");
        if let Some((network, bits)) = text.split_once('/') {
            let address: IpAddr = network.trim().parse().map_err(|_| invalid())?;
            let bits: u32 = bits.trim().parse().map_err(|_| invalid())?;
            return Self::network(address, bits).ok_or_else(invalid);
        }
        if let Some((first, last)) = text.split_once('-') {
            let first: IpAddr = first.trim().parse().map_err(|_| invalid())?;
            let last: IpAddr = last.trim().parse().map_err(|_| invalid())?;
            if first.is_ipv4() != last.is_ipv4() || first > last {
                return Err(invalid());
            }
            return Ok(Self { first, last });
        }
        let one: IpAddr = text.trim().parse().map_err(|_| invalid())?;
        Ok(Self { first: one, last: one })
    }

    fn network(address: IpAddr, bits: u32) -> Option<Self> {
        match address {
            IpAddr::V4(v4) => {
                let host = u32::MAX.checked_shr(bits).filter(|_| bits <= 32).or((bits == 32).then_some(0))?;
                let network = u32::from(v4) & !host;
                Some(Self {
                    first: Ipv4Addr::from(network).into(),
                    last: Ipv4Addr::from(network | host).into(),
                })
            }
            IpAddr::V6(v6) => {
                let host =
                    u128::MAX.checked_shr(bits).filter(|_| bits <= 128).or((bits == 128).then_some(0))?;
                let network = u128::from(v6) & !host;
                Some(Self {
                    first: Ipv6Addr::from(network).into(),
                    last: Ipv6Addr::from(network | host).into(),
                })
            }
        }
    }

    fn has(&self, address: IpAddr) -> bool {
        self.first.is_ipv4() == address.is_ipv4() && (self.first..=self.last).contains(&address)
    }

    /// Whether `text` is one of them.
    pub(crate) fn is(&self, text: &str) -> bool {
        text.trim().parse().is_ok_and(|address| self.has(address))
    }

    /// Whether one of them stands in `text`.
    pub(crate) fn any_in(&self, text: &str) -> bool {
        let v4 = self.first.is_ipv4();
        let part =
            |c: char| if v4 { c.is_ascii_digit() || c == '.' } else { c.is_ascii_hexdigit() || c == ':' };
        text.split(|c: char| !part(c)).any(|run| {
            let run = if v4 { run.trim_matches('.') } else { run };
            let enough = if v4 { run.len() >= 7 } else { run.len() >= 2 && run.contains(':') };
            enough && run.parse().is_ok_and(|address| self.has(address))
        })
    }
}
