//! `grantor serve`: runs the server until it is told to stop.

use tokio::signal::unix::{SignalKind, signal};

use super::{Session, static_config};

/// Starts, waits for SIGTERM or Ctrl-C, lets running requests end. A second signal ends at once. SIGHUP reads the
/// certificate again.
pub(super) async fn run(session: &mut Session<'_>, flags: static_config::SettingFlags) -> anyhow::Result<()> {
    let config = static_config::load(&session.global, flags.try_into()?)?;
    crate::telemetry::init(config.log.level.as_str(), config.log.format);
    // Registered before the start: a signal during the start must not be lost.
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hangup = signal(SignalKind::hangup())?;
    let running = tokio::select! {
        running = crate::serve::start(&config) => running?,
        _ = terminate.recv() => return Ok(()),
        _ = interrupt.recv() => return Ok(()),
    };
    tracing::info!(address = %running.address, management = ?running.management, "ready");
    loop {
        tokio::select! {
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
            _ = hangup.recv() => running.reload().await,
        }
    }
    tracing::info!("stopping; a second signal stops at once");
    tokio::select! {
        () = running.shutdown() => Ok(()),
        _ = terminate.recv() => anyhow::bail!("stopped before running requests had ended"),
        _ = interrupt.recv() => anyhow::bail!("stopped before running requests had ended"),
    }
}
