//! Clients that are asked for twice are made once: each holds the authorities it trusts, and its connections.

use std::sync::Arc;

use parking_lot::Mutex;

use super::{Client, ClientOptions};
use crate::config::HttpConfig;

/// The clients in use.
#[derive(Debug, Default)]
pub struct Clients(Mutex<Vec<(ClientOptions, Client)>>);

impl Clients {
    /// A client for `config`; the error says which part of it cannot be had. Clients that nobody holds any more are
    /// forgotten.
    pub fn get(&self, config: &HttpConfig, options: &ClientOptions) -> Result<Client, String> {
        let mut known = self.0.lock();
        if let Some((_, client)) = known.iter().find(|(o, c)| o == options && c.config() == config) {
            return Ok(client.clone());
        }
        known.retain(|(_, client)| Arc::strong_count(&client.0) > 1);
        let client = Client::new(config, options.clone())?;
        known.push((options.clone(), client.clone()));
        Ok(client)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_configurations_share_a_client_while_somebody_holds_it() {
        let clients = Clients::default();
        let config = |yaml: &str| serde_saphyr::from_str::<HttpConfig>(yaml).unwrap();
        let options = ClientOptions::default();
        let one = clients.get(&config("{}"), &options).unwrap();
        let same = clients.get(&config("{follow_redirects: true}"), &options).unwrap();
        assert!(Arc::ptr_eq(&one.0, &same.0));
        let other = clients.get(&config("{follow_redirects: false}"), &options).unwrap();
        assert_eq!(clients.0.lock().len(), 2);
        drop(other);
        let _third = clients.get(&config("{enable_http2: false}"), &options).unwrap();
        assert_eq!(clients.0.lock().len(), 2, "the one that nobody holds is gone");
    }
}
