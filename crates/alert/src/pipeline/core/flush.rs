//! A group's turn: who is told what, and what an answer means.

use std::sync::Arc;
use std::time::Duration;

use ::notify::{Failure, Integration, Notification, Retry};
use model::Labels;
use model::alerts::{Alert, Fingerprint};

use super::{Answer, Attempt, Core, Under};
use crate::pipeline::group::{Delivery, Flight, Notice, State, shown_before};
use crate::pipeline::journal::{Entry, Outcome, texts};
use crate::pipeline::plan::Way;
use crate::pipeline::told::{Reason, Told, numbers, reason};

/// Trying goes on for this long at least, however short the group's interval is.
const MIN_TIMEOUT_MS: i64 = 10_000;
/// The first pause between two attempts; each is half as long again as the one before, give or take a half.
const FIRST_PAUSE_MS: f64 = 500.0;
const MOST_PAUSE_MS: f64 = 60_000.0;

impl Core {
    /// Looks at a group whose time has come.
    pub(super) fn turn(&mut self, id: usize, now_ms: i64, begin: &mut Vec<Attempt>) {
        let group = self.groups.get(id).and_then(Option::as_ref);
        match group {
            None => {
                // No group is removed without its place in the schedule; an empty place must not hold up the others.
                self.schedule.retain(|(_, other)| *other != id);
                return;
            }
            Some(group) if group.flight.is_some() => {}
            Some(_) if self.waits_for_orphans(id) => {
                if let Some(group) = self.groups.get_mut(id).and_then(Option::as_mut) {
                    group.next_ms = now_ms.saturating_add(FIRST_PAUSE_MS as i64);
                }
            }
            Some(_) => self.flush(id, now_ms),
        }
        self.attempt(id, now_ms, begin);
        self.land(id);
        self.plan_group(id);
    }

    /// Whether an answer to an attempt from before a reload is open: it says what that receiver knows.
    fn waits_for_orphans(&self, id: usize) -> bool {
        if self.orphans.is_empty() {
            return false;
        }
        let Some(group) = self.groups.get(id).and_then(Option::as_ref) else { return false };
        let Some(way) = self.plan.routing.way(group.route) else { return false };
        let integrations = self.plan.receivers.get(&way.receiver).map_or(&[][..], Vec::as_slice);
        integrations.iter().enumerate().any(|(index, integration)| {
            self.orphans.contains_key(&told_key(&group.key, &way.receiver, &**integration, index))
        })
    }

    /// Decides who is told.
    fn flush(&mut self, id: usize, now_ms: i64) {
        let routing = self.plan.routing.clone();
        let Some(group) = self.groups.get(id).and_then(Option::as_ref) else { return };
        let Some(way) = routing.way(group.route) else { return };
        let mut alerts: Vec<Arc<Alert>> = group.alerts.values().cloned().collect();
        alerts.sort_by(|a, b| shown_before(a, b));
        let ended = alerts.iter().filter(|a| a.is_resolved_at(now_ms));
        let resolved = ended.map(|a| (a.fingerprint(), a.updated_at_ms)).collect();
        let muted_by = self.muted_by(way, now_ms);
        let notices = if muted_by.is_empty() {
            alerts.retain(|alert| !self.is_muted(alert, now_ms));
            self.notices(id, way, &alerts, now_ms)
        } else {
            self.metrics.suppressed("mute_time_interval", alerts.len());
            Vec::new()
        };
        let deadline_ms = now_ms.saturating_add(way.group_interval_ms.max(MIN_TIMEOUT_MS));
        let deliveries = notices.into_iter().map(|notice| Delivery {
            notice: Arc::new(notice),
            attempts: 0,
            state: State::Waiting(now_ms),
        });
        let deliveries = deliveries.collect();
        if let Some(group) = self.groups.get_mut(id).and_then(Option::as_mut) {
            group.next_ms = now_ms.saturating_add(way.group_interval_ms.max(1));
            group.muted_by = muted_by;
            group.flight = Some(Flight { deadline_ms, resolved, deliveries, failed: false });
        }
    }

    /// The time intervals that keep a route quiet.
    pub(super) fn muted_by(&self, way: &Way, now_ms: i64) -> Vec<String> {
        let routing = &self.plan.routing;
        if !way.active.is_empty() && !way.active.iter().any(|name| routing.is_in(name, now_ms)) {
            return way.active.clone();
        }
        way.mute.iter().filter(|name| routing.is_in(name, now_ms)).cloned().collect()
    }

    fn is_muted(&self, alert: &Alert, now_ms: i64) -> bool {
        let reason = if self.inhibitor.inhibited_by(&alert.labels, now_ms).is_some() {
            "inhibition"
        } else if !self.silences.silenced_by(&alert.labels, now_ms).is_empty() {
            "silence"
        } else {
            return false;
        };
        self.metrics.suppressed(reason, 1);
        true
    }

    /// What each integration of the group's receiver is told of these alerts.
    fn notices(&mut self, id: usize, way: &Way, alerts: &[Arc<Alert>], now_ms: i64) -> Vec<Notice> {
        let integrations = self.plan.receivers.get(&way.receiver).cloned().unwrap_or_default();
        let Some(group) = self.groups.get(id).and_then(Option::as_ref) else { return Vec::new() };
        if alerts.is_empty() {
            return Vec::new();
        }
        let of = |ended: bool| -> Vec<u64> {
            let some = alerts.iter().filter(|a| a.is_resolved_at(now_ms) == ended);
            numbers(some.map(|a| a.fingerprint()))
        };
        let (firing, resolved) = (of(false), of(true));
        let keep = way.repeat_interval_ms.saturating_mul(2).min(self.limits.retention_ms);
        let until_ms = now_ms.saturating_add(keep.max(way.group_interval_ms.saturating_mul(2)));
        let notification = |all: bool, reason: Reason| {
            let mut made = Notification {
                receiver: way.receiver.clone(),
                group_key: group.key.to_string(),
                group_labels: group.labels.clone(),
                route_labels: Labels::empty(),
                reason: reason.words(),
                alerts: alerts
                    .iter()
                    .filter(|a| all || !a.is_resolved_at(now_ms))
                    .map(|a| Alert::clone(a))
                    .collect(),
                external_url: self.plan.external_url.clone(),
                now_ms,
            };
            made.route_labels = self.plan.routing.labels(group.route, &made);
            Arc::new(made)
        };
        let mut all: Option<Arc<Notification>> = None;
        let mut notices = Vec::new();
        for (index, integration) in integrations.iter().enumerate() {
            let told_key = told_key(&group.key, &way.receiver, &**integration, index);
            let send_resolved = integration.send_resolved();
            let times = (now_ms, way.repeat_interval_ms);
            let reason =
                self.told.with(&told_key, |last| reason(last, &firing, &resolved, send_resolved, times));
            let Some(reason) = reason else { continue };
            if !send_resolved && firing.is_empty() {
                let told = Told { at_ms: now_ms, until_ms, firing: Vec::new(), resolved: resolved.clone() };
                self.told.put(told_key, told);
                continue;
            }
            let whole = send_resolved || resolved.is_empty();
            let made = all.as_ref().filter(|made| whole && made.reason == reason.words()).cloned();
            let notification = made.unwrap_or_else(|| notification(whole, reason));
            if whole {
                all = Some(notification.clone());
            }
            let (firing, resolved) = (firing.clone(), resolved.clone());
            self.metrics.notification(integration.kind());
            let kind = integration.kind();
            notices.push(Notice { told_key, index, kind, reason, firing, resolved, until_ms, notification });
        }
        notices
    }

    /// Begins the attempts whose time has come.
    fn attempt(&mut self, id: usize, now_ms: i64, begin: &mut Vec<Attempt>) {
        let Some(group) = self.groups.get_mut(id).and_then(Option::as_mut) else { return };
        let Some(flight) = &mut group.flight else { return };
        for (place, delivery) in flight.deliveries.iter_mut().enumerate() {
            let State::Waiting(at) = delivery.state else { continue };
            if at > now_ms {
                continue;
            }
            let notice = delivery.notice.clone();
            let receiver = self.plan.receivers.get(&notice.notification.receiver);
            let Some(integration) = receiver.and_then(|r| r.get(notice.index)).cloned() else {
                delivery.state = State::Done;
                continue;
            };
            delivery.attempts += 1;
            delivery.state = State::Under(now_ms);
            self.last_attempt += 1;
            let attempt = delivery.attempts;
            let notification = notice.notification.clone();
            let under = Under { place: Some((id, place)), notice, began_ms: now_ms, attempt };
            self.under.insert(self.last_attempt, under);
            self.metrics.request(integration.kind());
            let deadline_ms = flight.deadline_ms;
            begin.push(Attempt { id: self.last_attempt, integration, notification, deadline_ms });
        }
    }

    /// Takes answers. What was delivered is on disk when this returns.
    pub fn answered(&mut self, answers: Vec<Answer>, now_ms: i64) {
        let mut touched = Vec::new();
        for answer in answers {
            let Some(under) = self.under.remove(&answer.id) else { continue };
            self.metrics.latency(under.notice.kind, now_ms - under.began_ms);
            let state = self.next_state(&under, &answer, now_ms);
            self.note(&under, &answer, state, now_ms);
            if answer.result.is_ok() {
                self.remember(&under.notice);
            }
            match under.place {
                Some((id, place)) => {
                    self.answer_to(id, place, state, answer.result.err());
                    touched.push(id);
                }
                None => self.forget_orphan(&under.notice.told_key),
            }
        }
        self.save();
        for id in touched {
            self.land(id);
            self.plan_group(id);
        }
    }

    fn answer_to(&mut self, id: usize, place: usize, state: State, failure: Option<Failure>) {
        let Some(group) = self.groups.get_mut(id).and_then(Option::as_mut) else { return };
        let Some(flight) = &mut group.flight else { return };
        if let Some(delivery) = flight.deliveries.get_mut(place) {
            delivery.state = state;
        }
        if let (State::Done, Some(failure)) = (state, failure) {
            flight.failed = true;
            if failure.retry != Retry::Never {
                // As if it had been tried all the time.
                group.next_ms = group.next_ms.max(flight.deadline_ms);
            }
        }
    }

    fn remember(&mut self, notice: &Notice) {
        let told = Told {
            at_ms: notice.notification.now_ms,
            until_ms: notice.until_ms,
            firing: notice.firing.clone(),
            resolved: notice.resolved.clone(),
        };
        self.told.put(notice.told_key.clone(), told);
    }

    fn forget_orphan(&mut self, key: &str) {
        if let Some(count) = self.orphans.get_mut(key) {
            *count -= 1;
            if *count == 0 {
                self.orphans.remove(key);
            }
        }
    }

    /// What follows an answer.
    fn next_state(&mut self, under: &Under, answer: &Answer, now_ms: i64) -> State {
        let Err(failure) = &answer.result else { return State::Done };
        self.metrics.request_failed(under.notice.kind);
        let flight = under.place.and_then(|(id, _)| self.groups.get(id)?.as_ref()?.flight.as_ref());
        let deadline = flight.map_or(i64::MIN, |flight| flight.deadline_ms);
        let again = self.pause(failure, under.attempt).map(|pause| now_ms.saturating_add(pause));
        match again.filter(|at| *at < deadline) {
            Some(at) => State::Waiting(at),
            None => {
                self.metrics.failed(under.notice.kind, failure.reason);
                tracing::warn!(
                    receiver = under.notice.notification.receiver,
                    integration = under.notice.kind,
                    attempts = under.attempt,
                    error = %failure,
                    "a notification was not delivered"
                );
                State::Done
            }
        }
    }

    fn pause(&mut self, failure: &Failure, attempt: u32) -> Option<i64> {
        let exponent = i32::try_from(attempt.saturating_sub(1).min(64)).unwrap_or(64);
        let pause = (FIRST_PAUSE_MS * 1.5_f64.powi(exponent)).min(MOST_PAUSE_MS);
        let pause = pause * (0.5 + self.random.below(1_000) as f64 / 1_000.0);
        let pause = pause as i64;
        match failure.retry {
            Retry::Never => None,
            Retry::Later => Some(pause),
            Retry::After(least) => Some(pause.max(ms(least))),
        }
    }

    fn note(&mut self, under: &Under, answer: &Answer, state: State, now_ms: i64) {
        let notice = &under.notice;
        let hex = |all: &[u64]| all.iter().map(|f| Fingerprint(*f).to_string()).collect();
        let (outcome, text) = match &answer.result {
            Ok(delivered) => (Outcome::Delivered, delivered.answer.clone()),
            Err(failure) => {
                let again = matches!(state, State::Waiting(_));
                (if again { Outcome::Again } else { Outcome::Failed }, failure.message.clone())
            }
        };
        self.entries.push(Entry::Attempt {
            at_ms: now_ms,
            began_ms: under.began_ms,
            receiver: notice.notification.receiver.clone(),
            integration: notice.kind.to_owned(),
            index: notice.index,
            group_key: notice.notification.group_key.clone(),
            group_labels: texts(&notice.notification.group_labels),
            reason: notice.reason,
            attempt: under.attempt,
            firing: hex(&notice.firing),
            resolved: hex(&notice.resolved),
            outcome,
            answer: text.chars().take(1_000).collect(),
        });
    }

    /// Ends a flight without open deliveries. Where all went well, alerts that had ended by its beginning have been told
    /// and go, unless they were heard of since; a group without alerts goes, too.
    fn land(&mut self, id: usize) {
        let Some(group) = self.groups.get_mut(id).and_then(Option::as_mut) else { return };
        let done = |flight: &mut Flight| flight.deliveries.iter().all(|d| d.state == State::Done);
        let Some(flight) = group.flight.take_if(done) else { return };
        if flight.failed {
            return;
        }
        for (fingerprint, updated_at_ms) in flight.resolved {
            let same = |alert: &Arc<Alert>| alert.updated_at_ms == updated_at_ms;
            if group.alerts.get(&fingerprint).is_some_and(same) {
                group.alerts.remove(&fingerprint);
            }
        }
        if group.alerts.is_empty() {
            self.remove_group(id);
        }
    }

    pub(super) fn remove_group(&mut self, id: usize) {
        let Some(group) = self.groups.get_mut(id).and_then(Option::take) else { return };
        if let Some(due) = group.due_ms {
            self.schedule.remove(&(due, id));
        }
        self.by_labels.remove(&(group.route, group.labels));
        self.free.push(id);
    }
}

/// Under which name it is remembered what an integration was told of a group.
pub(super) fn told_key(group: &str, receiver: &str, integration: &dyn Integration, index: usize) -> String {
    format!("{group}:{receiver}/{}/{index}", integration.kind())
}

fn ms(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
