//! What hostile bytes are fed to, each a plain function: libFuzzer drives them from `targets/`, and `cargo test` feeds
//! them seeds, what the fuzzer once found, and random changes of both (tests/hostile.rs).

pub mod allocations;
pub mod commands;
pub mod files;
pub mod hyperloglogs;
pub mod patterns;
pub mod payloads;
pub mod requests;

/// Asserts that a client who comes now is answered as if nothing had been.
fn serves_the_next(engine: &mut cachelet::engine::Engine) {
    let fresh = engine.open(false);
    engine.receive(fresh, b"PING\r\n");
    let output = engine.output(fresh);
    assert!(output == b"+PONG\r\n" || output.starts_with(b"-NOAUTH"), "{}", output.escape_ascii());
    engine.close(fresh);
}

/// One target.
pub struct Target {
    /// Its name: that of its program.
    pub name: &'static str,
    /// Takes any bytes, and panics only for a bug.
    pub run: fn(&[u8]),
    /// Inputs that lead deep from the start.
    pub seeds: fn() -> Vec<Vec<u8>>,
}

/// All of them.
pub const TARGETS: &[Target] = &[
    Target { name: "requests", run: requests::run, seeds: requests::seeds },
    Target { name: "commands", run: commands::run, seeds: commands::seeds },
    Target { name: "payloads", run: payloads::any, seeds: payloads::body_seeds },
    Target { name: "files", run: files::run, seeds: files::seeds },
    Target { name: "packed", run: payloads::packed, seeds: payloads::packed_seeds },
    Target { name: "streams", run: payloads::stream, seeds: payloads::stream_seeds },
    Target { name: "patterns", run: patterns::run, seeds: patterns::seeds },
    Target { name: "hyperloglogs", run: hyperloglogs::run, seeds: hyperloglogs::seeds },
];
