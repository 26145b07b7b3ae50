//! Notifications: channels, their sockets and topics, and what comes over them.

mod frame;
mod heard;
mod topics;
mod link;
mod socket;
mod channel;

pub use channel::{Channel, Notice};
pub(crate) use channel::{Listing, Made, escaped};
pub use frame::{Frame, Unreadable};
pub use heard::{By, Heard};
pub use link::{Action, Event, Gap, Link};
pub(crate) use socket::{NotConnected, Socket};
pub use topics::{Allocation, CHANNELS, TOPICS};
