//! Scans whose order nobody asks for: sources are opened and handed over side by side.

use std::sync::Arc;

use model::records::{Columns, RecordScan};
use model::{Ctx, Result};

use super::Store;
use super::columns::memory;
use super::merge::{Lazy, Open};
use super::parallel;
use super::read::blocks_of;
use super::scan::{Opener, Plan, Source};

impl Store {
    pub(super) fn scan_unordered(
        &self,
        ctx: &Ctx,
        scan: &RecordScan,
        visit: &(dyn Fn(&Columns) -> Result<()> + Sync),
    ) -> Result<()> {
        self.check_tenant(&ctx.tenant)?;
        let plan = Arc::new(Plan::new(&RecordScan { limit: 0, ..scan.clone() }));
        let (memory_of, parts) = self.memory_of(&plan)?;
        let mut sources: Vec<Source> = memory_of.into_iter().map(|Lazy { source, .. }| source).collect();
        sources.extend(
            blocks_of(&parts, &plan).into_iter().map(|(of_part, at)| Source::Block(of_part, at, None)),
        );
        let threads = parallel::threads().min(sources.len());
        let opener = Opener { plan, budget: ctx.budget.clone() };
        parallel::each(
            sources,
            threads,
            || (),
            |(), source| {
                ctx.check()?;
                if !opener.may_have(&source)? {
                    return Ok(());
                }
                let Some(columns) = opener.open(source)? else { return Ok(()) };
                let _held = ctx.budget.reserve(memory(&columns))?;
                visit(&columns)
            },
        )?;
        Ok(())
    }
}
