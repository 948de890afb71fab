//! The life of the process: starts, says where, waits for a signal, stops.

use std::process::ExitCode;

use model::{Error, Result};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::auto_reload::AutoReload;
use crate::flags::Flags;
use crate::log;
use crate::resolved::resolve;
use crate::running::{Running, start};

/// Runs until a signal or a request ends it.
pub fn run(flags: Flags) -> ExitCode {
    log::start(&flags);
    if flags.check {
        return finish(check(&flags));
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    finish(match runtime {
        Ok(runtime) => runtime.block_on(live(flags)),
        Err(e) => Err(Error::internal("the runtime cannot be started").with_detail(e)),
    })
}

fn finish(result: Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(detail = error.detail, "{error}");
            ExitCode::FAILURE
        }
    }
}

#[allow(clippy::print_stdout, reason = "the answer of --check")]
fn check(flags: &Flags) -> Result<()> {
    let resolved = resolve(flags)?;
    for note in flags.notes() {
        println!("{note}");
    }
    match &flags.config_file {
        Some(path) => {
            let jobs = resolved.loaded.written.scrape_configs.len();
            let rules = crate::alerting::check_rules(&resolved)?;
            println!("{} is valid: {jobs} scrape jobs, {rules} rules", path.display());
        }
        None => println!("the flags are valid; no configuration file is given"),
    }
    Ok(())
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

async fn live(flags: Flags) -> Result<()> {
    let open = |kind| signal(kind).map_err(|e| Error::internal("signals cannot be received").with_detail(e));
    let mut signals = Signals {
        terminate: open(SignalKind::terminate())?,
        interrupt: open(SignalKind::interrupt())?,
        hangup: open(SignalKind::hangup())?,
    };
    let mut auto = AutoReload::of(&flags);
    let every = auto.as_ref().map_or(std::time::Duration::from_secs(3600), |auto| auto.interval);
    let running = tokio::select! {
        started = start(flags) => started?,
        _ = signals.terminate.recv() => return Ok(()),
        _ = signals.interrupt.recv() => return Ok(()),
    };
    announce(&running);
    let running = std::sync::Arc::new(running);
    loop {
        tokio::select! {
            () = tokio::time::sleep(every), if auto.is_some() => {
                let (reloading, watch) = (running.clone(), auto.take());
                let look = move || {
                    let mut watch = watch;
                    if watch.as_mut().is_some_and(AutoReload::changed) {
                        // A failed reload is logged there.
                        let _ = reloading.reload();
                    }
                    watch
                };
                auto = tokio::task::spawn_blocking(look).await.ok().flatten();
            }
            _ = signals.terminate.recv() => break,
            _ = signals.interrupt.recv() => break,
            () = running.quit_asked() => break,
            _ = signals.hangup.recv() => {
                let reloading = running.clone();
                // A failed reload is logged there; a panic in it must not end the process.
                let _ = tokio::task::spawn_blocking(move || reloading.reload()).await;
            }
        }
    }
    tracing::info!("stopping");
    let running =
        std::sync::Arc::try_unwrap(running).map_err(|_| Error::internal("a reload is still under way"))?;
    tokio::select! {
        stopped = running.stop() => stopped,
        _ = signals.terminate.recv() => Err(Error::internal("a second signal ended the stop")),
        _ = signals.interrupt.recv() => Err(Error::internal("a second signal ended the stop")),
    }
}

#[allow(clippy::print_stdout, reason = "people and scripts look for the address")]
fn announce(running: &Running) {
    println!("Bonghwa is ready: {}", running.url());
    if let Some((token, path)) = running.new_token() {
        println!(
            "Others than this machine need the token (shown once, kept in {}): {}/?token={token}",
            path.display(),
            running.url()
        );
    }
}
