//! Groups as pages show them.

use model::rule::GroupStatus;

use super::group::Group;
use super::rule::Rule;

impl Group {
    /// The group with its last evaluation.
    pub fn status(&self) -> GroupStatus {
        let state = self.state.lock();
        let (last_evaluation_ms, duration_s) = (state.last_evaluation_ms, state.duration_s);
        drop(state);
        GroupStatus {
            name: self.name().to_owned(),
            file: self.file.clone(),
            language: self.definition.language,
            interval_ms: self.interval_ms,
            limit: self.definition.limit,
            last_evaluation_ms,
            duration_s,
            rules: self.rules.iter().map(Rule::status).collect(),
        }
    }
}
