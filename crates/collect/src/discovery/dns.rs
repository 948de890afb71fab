//! Targets in DNS records, labelled as Prometheus' `dns_sd`.

use std::time::{Duration, Instant};

use hickory_resolver::TokioResolver;
use hickory_resolver::proto::rr::{RData, RecordType as Kind};
use model::LabelsBuilder;
use outbound::discovery::{ADDRESS, DnsConfig, RecordType};

use super::{Found, Report, join};

/// One entry of `dns_sd_configs`.
pub(super) struct Names {
    config: DnsConfig,
    report: Report,
}

impl Names {
    pub(super) fn new(config: DnsConfig, report: Report) -> Self {
        Self { config, report }
    }

    /// Asks at the refresh interval, for ever. The servers are those of the system, read anew each time.
    pub(super) async fn watch(self) {
        let interval = self.config.refresh_interval.to_std().max(Duration::from_millis(100));
        let mut known: Vec<Vec<Found>> = vec![Vec::new(); self.config.names.len()];
        loop {
            let started = Instant::now();
            match TokioResolver::builder_tokio().and_then(|builder| builder.build()) {
                Ok(resolver) => self.refresh(&resolver, &mut known).await,
                Err(error) => self.report.failed(format!("/etc/resolv.conf cannot be used: {error}")),
            }
            self.report.took(started.elapsed());
            tokio::time::sleep(interval).await;
        }
    }

    /// A name that cannot be asked for keeps what it gave last.
    async fn refresh(&self, resolver: &TokioResolver, known: &mut [Vec<Found>]) {
        let mut failure = None;
        for (name, known) in self.config.names.iter().zip(known.iter_mut()) {
            let answer = lookup(resolver, &self.config, name).await;
            self.report.counted(|count| count.lookup(answer.is_err()));
            match answer {
                Ok(found) => *known = found,
                Err(error) => failure = Some(format!("could not resolve {name:?}: {error}")),
            }
        }
        self.report.found(known.iter().flatten().cloned().collect());
        if let Some(error) = failure {
            self.report.failed(error);
        }
    }
}

async fn lookup(resolver: &TokioResolver, config: &DnsConfig, name: &str) -> Result<Vec<Found>, String> {
    let kind = match config.record_type() {
        RecordType::Srv => Kind::SRV,
        RecordType::A => Kind::A,
        RecordType::Aaaa => Kind::AAAA,
        RecordType::Mx => Kind::MX,
        RecordType::Ns => Kind::NS,
    };
    let answer = match resolver.lookup(name, kind).await {
        Ok(answer) => answer,
        // That there is nothing is an answer, too.
        Err(error) if error.is_no_records_found() => return Ok(Vec::new()),
        Err(error) => return Err(error.to_string()),
    };
    let records = answer.answers().iter().filter_map(|record| target(&record.data, config, name));
    Ok(records.collect())
}

fn target(record: &RData, config: &DnsConfig, name: &str) -> Option<Found> {
    let mut labels = LabelsBuilder::new();
    labels.set("__meta_dns_name", name);
    // Names are written with their final dot in labels, and without it in addresses.
    let rooted = |name: String| if name.ends_with('.') { name } else { format!("{name}.") };
    let address = match record {
        RData::SRV(srv) => {
            let host = rooted(srv.target.to_string());
            labels.set("__meta_dns_srv_record_target", host.as_str());
            labels.set("__meta_dns_srv_record_port", srv.port.to_string());
            join(host.trim_end_matches('.'), srv.port)
        }
        RData::MX(mx) => {
            let host = rooted(mx.exchange.to_string());
            labels.set("__meta_dns_mx_record_target", host.as_str());
            join(host.trim_end_matches('.'), config.port)
        }
        RData::NS(ns) => {
            let host = rooted(ns.0.to_string());
            labels.set("__meta_dns_ns_record_target", host.as_str());
            join(host.trim_end_matches('.'), config.port)
        }
        RData::A(a) => join(&a.0.to_string(), config.port),
        RData::AAAA(aaaa) => join(&aaaa.0.to_string(), config.port),
        _ => return None,
    };
    Some(labels.set(ADDRESS, address).build())
}

#[cfg(test)]
mod tests;
