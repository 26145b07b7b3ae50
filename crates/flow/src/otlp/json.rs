//! OTLP/JSON: transcoded to protobuf bytes at the door, and back for exporters that write JSON.
//!
//! Source: OTLP specification, "JSON Protobuf Encoding": ids in hexadecimal, enums as integers, 64-bit integers
//! as decimal text (numbers are taken too), unknown fields ignored.

mod decode;
mod encode;

pub use decode::decode;
pub use encode::encode;
