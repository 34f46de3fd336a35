//! The limit of telling twenty: one sync, then a write to each of twenty unix sockets, each read by a task of its own.

use std::{
    fs::OpenOptions,
    io::Write as _,
    sync::mpsc::{Sender, channel},
    time::Instant,
};

use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    net::{UnixListener, UnixStream},
};

use crate::{
    Bench,
    measure::{Measured, Unit, millis, why},
};

/// How many listen.
pub const CLIENTS: usize = 20;

/// From before the sync until each of them has the line.
pub fn durable(bench: &Bench) -> Result<Measured, String> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| format!("a runtime: {error}"))?;
    runtime.block_on(tell_all(bench))
}

async fn tell_all(bench: &Bench) -> Result<Measured, String> {
    let bad = why("using a socket");
    // The bench folder's path can be longer than a socket's may be.
    let folder = tempfile::tempdir().map_err(|error| bad(&error))?;
    let path = folder.path().join("s");
    let listener = UnixListener::bind(&path).map_err(|error| bad(&error))?;
    let (sender, heard) = channel();
    let mut streams = Vec::new();
    for _ in 0..CLIENTS {
        let stream = UnixStream::connect(&path).await.map_err(|error| bad(&error))?;
        tokio::spawn(listen(stream, sender.clone()));
        streams.push(listener.accept().await.map_err(|error| bad(&error))?.0);
    }
    let mut record =
        OpenOptions::new().create(true).append(true).open(bench.file("fan-out")).map_err(|error| bad(&error))?;
    let line = format!("{}\n", "x".repeat(199));
    let rounds = bench.samples(500);
    let mut samples = Vec::with_capacity(rounds * CLIENTS);
    for _ in 0..rounds {
        let start = Instant::now();
        record.write_all(line.as_bytes()).and_then(|()| record.sync_data()).map_err(|error| bad(&error))?;
        for stream in &mut streams {
            stream.write_all(line.as_bytes()).await.map_err(|error| bad(&error))?;
        }
        for _ in 0..CLIENTS {
            let at = heard.recv().map_err(|error| bad(&error))?;
            samples.push(millis(at.saturating_duration_since(start)));
        }
    }
    Measured::of(samples, Unit::Millis)
}

async fn listen(stream: UnixStream, heard: Sender<Instant>) {
    let mut lines = BufReader::new(stream).lines();
    while let Ok(Some(_)) = lines.next_line().await {
        if heard.send(Instant::now()).is_err() {
            return;
        }
    }
}
