//! `dns_sd_configs`.

use model::config::Duration;

model::section! {
    /// Targets in DNS records.
    pub struct DnsConfig ("dns.plain") {
        /// Names to ask for.
        names: Vec<String> = Vec::new() => always,
        /// How often.
        refresh_interval: Duration = Duration::from_secs(30),
        /// Kind of record: `SRV`, `A`, `AAAA`, `MX` or `NS`.
        kind ("type"): String = "SRV".to_owned() => always,
        /// Port of the targets; records of type SRV have their own.
        port: u16 = 0 => always,
    }
    check Self::check
}

/// Kind of record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordType {
    /// Services with host and port.
    Srv,
    /// IPv4 addresses.
    A,
    /// IPv6 addresses.
    Aaaa,
    /// Mail exchangers.
    Mx,
    /// Name servers.
    Ns,
}

impl DnsConfig {
    /// The kind of record; `SRV` where the text says something else, which the check refuses.
    pub fn record_type(&self) -> RecordType {
        self.known_type().unwrap_or(RecordType::Srv)
    }

    fn known_type(&self) -> Option<RecordType> {
        Some(match self.kind.to_ascii_uppercase().as_str() {
            "SRV" => RecordType::Srv,
            "A" => RecordType::A,
            "AAAA" => RecordType::Aaaa,
            "MX" => RecordType::Mx,
            "NS" => RecordType::Ns,
            _ => return None,
        })
    }

    fn check(&mut self) -> Result<(), String> {
        if self.names.is_empty() {
            return Err("DNS-SD config must contain at least one SRV record name".to_owned());
        }
        match self.known_type() {
            None => Err(format!("invalid DNS-SD records type {}", self.kind)),
            Some(kind) if kind != RecordType::Srv && self.port == 0 => {
                Err("a port is required in DNS-SD configs for all record types except SRV".to_owned())
            }
            Some(_) => Ok(()),
        }
    }
}
