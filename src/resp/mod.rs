//! RESP2 and RESP3 on both sides: requests cut out of bytes as they arrive, replies written straight into a
//! session's output, and the one list of error texts.

mod fault;
mod reply;
mod request;

pub use fault::{quoted, Fault, QUOTED};
pub use reply::{join, lost, Mark, Reply};
pub use request::{split_inline, Args, Parsed, Parser, ProtocolFault, Span};
