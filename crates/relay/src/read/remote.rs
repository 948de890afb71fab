//! One remote: which selections concern it, and how it is asked.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use bytes::Bytes;
use model::{Ctx, Error, MatchOp, Matcher, Result, SelectHints, TimeRange};
use outbound::client::header::{HeaderMap, HeaderName, HeaderValue};
use outbound::{Client, Failure, Method, Url};
use wire::remote_read::{Hints, Query, ReadRequest};

use super::answer::{self, Answer};
use super::metrics::{AnswerLabels, Metrics, RemoteLabels};
use crate::config::RemoteReadConfig;

/// What is read of a refusal.
const REFUSAL_BYTES: usize = 512;

pub(super) struct Remote {
    pub(super) config: RemoteReadConfig,
    pub(super) client: Client,
    pub(super) url: Url,
    pub(super) external: BTreeMap<String, String>,
    pub(super) metrics: Metrics,
    pub(super) labels: RemoteLabels,
}

/// What a remote is asked.
pub(super) struct Question {
    range: TimeRange,
    matchers: Vec<Matcher>,
    /// Labels that were added to the matchers and are taken out of the answer.
    added: Vec<String>,
    hints: Hints,
}

impl Remote {
    /// Whether a selection is to be asked here, and for which times: up to `local_start`, from which on the local store
    /// has everything, unless recent times are wanted, too.
    pub(super) fn range(
        &self,
        matchers: &[Matcher],
        range: TimeRange,
        local_start: Option<i64>,
    ) -> Option<TimeRange> {
        let required = |(name, value): (&String, &String)| {
            matchers.iter().any(|m| m.op == MatchOp::Equal && m.name == *name && m.value == *value)
        };
        if !self.config.required_matchers.iter().all(required) {
            return None;
        }
        match local_start {
            Some(start) if !self.config.read_recent => {
                (range.start <= start).then_some(TimeRange::new(range.start, range.end.min(start)))
            }
            _ => Some(range),
        }
    }

    /// What is asked for a selection.
    pub(super) fn question(&self, matchers: &[Matcher], range: TimeRange, hints: &SelectHints) -> Question {
        let mut matchers = matchers.to_vec();
        let mut added = Vec::new();
        if self.config.filter_external_labels {
            for (name, value) in &self.external {
                if !matchers.iter().any(|m| m.name == *name) {
                    matchers.push(Matcher::equal(name.as_str(), value.as_str()));
                    added.push(name.clone());
                }
            }
        }
        let (grouping, by) = hints.grouping.clone().unwrap_or_default();
        let function =
            if hints.labels_only { "series".to_owned() } else { hints.function.clone().unwrap_or_default() };
        let hints = Hints {
            step: hints.step,
            function,
            start: range.start,
            end: range.end,
            grouping,
            by,
            range: hints.window,
        };
        Question { range, matchers, added, hints }
    }

    /// Asks, and reads the answer.
    pub(super) async fn ask(&self, ctx: &Ctx, question: Question) -> Result<Answer> {
        let running = self.metrics.running.get_or_create_owned(&self.labels);
        running.inc();
        let begun = Instant::now();
        let result = self.try_ask(ctx, question).await;
        running.dec();
        self.metrics.seconds.get_or_create_owned(&self.labels).observe(begun.elapsed().as_secs_f64());
        result
    }

    async fn try_ask(&self, ctx: &Ctx, question: Question) -> Result<Answer> {
        let Question { range, matchers, added, hints } = question;
        let query = Query { start: range.start, end: range.end, matchers, hints: Some(hints) };
        // A stream of chunks first, then samples.
        let request = ReadRequest { queries: vec![query], accepted: vec![1, 0] };
        let body = wire::remote_write::compress(&request.encode())
            .map_err(|e| Error::internal("a remote read cannot be encoded").with_detail(e))?;
        let timeout = self.timeout(ctx);
        let request = self.client.request(Method::POST, self.url.clone());
        let sent = request.headers(self.headers()).body(Bytes::from(body)).timeout(timeout).send().await;
        let count = |code: String| {
            let RemoteLabels { remote_name, url } = self.labels.clone();
            self.metrics.queries.get_or_create_owned(&AnswerLabels { remote_name, url, code }).inc();
        };
        let response = match sent {
            Ok(response) => response,
            Err(failure) => {
                count(String::new());
                let text = format!("error sending request: Post {:?}: {failure}", self.labels.url);
                return Err(match failure {
                    Failure::Timeout(_) => Error::timeout(text),
                    _ => Error::unavailable(text),
                });
            }
        };
        let status = response.status();
        count(status.as_u16().to_string());
        if !status.is_success() {
            let text = response.beginning(REFUSAL_BYTES).await;
            let text = text.lines().next().unwrap_or_default();
            return Err(Error::unavailable(format_args!(
                "remote server {} returned HTTP status {status}: {text}",
                self.labels.url
            )));
        }
        let frame_limit = usize::try_from(self.config.chunked_read_limit).unwrap_or(usize::MAX);
        answer::read(ctx, response, range, &added, frame_limit).await
    }

    /// The shorter of the remote's and the query's time.
    fn timeout(&self, ctx: &Ctx) -> Duration {
        let own = self.config.remote_timeout.to_std();
        match ctx.deadline {
            Some(deadline) => own.min(deadline.saturating_duration_since(Instant::now())),
            None => own,
        }
    }

    fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in &self.config.headers {
            if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), value.parse::<HeaderValue>()) {
                headers.insert(name, value);
            }
        }
        headers.insert("content-encoding", HeaderValue::from_static("snappy"));
        headers.insert("accept-encoding", HeaderValue::from_static("snappy"));
        headers.insert("content-type", HeaderValue::from_static("application/x-protobuf"));
        headers.insert(
            HeaderName::from_static("x-prometheus-remote-read-version"),
            HeaderValue::from_static("0.1.0"),
        );
        headers
    }
}
