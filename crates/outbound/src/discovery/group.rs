//! Targets with labels in common.

use std::collections::BTreeMap;

use model::{Labels, LabelsBuilder};

use super::ADDRESS;

model::section! {
    /// `static_configs`, and what files and servers hold.
    pub struct Group ("struct { Targets []string \"yaml:\\\"targets\\\"\"; Labels model.LabelSet \"yaml:\\\"labels\\\"\" }") {
        /// Addresses, `host:port`.
        targets: Vec<String> = Vec::new() => always,
        /// Labels for each of them.
        labels: BTreeMap<String, String> = BTreeMap::new(),
    }
    check |group| match group.labels.contains_key("") {
        true => Err("\"\" is not a valid label name".to_owned()),
        false => Ok(()),
    }
}

impl Group {
    /// One label set a target; labels of the group do not replace the address.
    pub fn label_sets(&self) -> impl Iterator<Item = Labels> {
        self.targets.iter().map(|target| {
            let mut labels = LabelsBuilder::new();
            for (name, value) in &self.labels {
                labels.set(name, value);
            }
            labels.set(ADDRESS, target).build()
        })
    }
}
