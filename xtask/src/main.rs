//! Chores of the repository that are code.
//!
//! What it is: checks that what is written about the workspace is true of it. `cargo run -p xtask` runs them; so do
//! the tests of this crate.
//!
//! What it is not: a build system; recipes are in the Makefile.
//!
//! Start reading at [`edges`], [`dependencies`] and [`licences`].

#![forbid(unsafe_code)]

mod dependencies;
mod edges;
mod licences;
mod table;
mod workspace;

use anyhow::{Result, bail};

fn main() -> Result<()> {
    let root = workspace::root();
    let workspace = workspace::Workspace::load(&root)?;
    let mut problems = edges::problems(&workspace, &workspace::read(&root.join("ARCHITECTURE.md"))?)?;
    let lines = workspace::read(&root.join("docs/decisions/dependencies.md"))?;
    problems.extend(dependencies::problems(&dependencies::direct(&workspace, &root)?, &lines));
    problems.extend(licences::problems(&root, &workspace::read(&root.join("deny.toml"))?)?);
    if problems.is_empty() {
        return Ok(());
    }
    bail!("{}", problems.join("\n"))
}
