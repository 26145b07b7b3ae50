//! Notifications: channels, their sockets and topics, and what comes over them.

mod frame;
mod heard;
mod topics;
mod link;
mod socket;
mod notice;
mod channel;

pub use channel::Channel;
pub(crate) use channel::{Listing, Made, escaped};
pub use frame::{Frame, Unreadable};
pub use heard::{By, Heard};
pub use link::{Action, Event, Gap, Link};
pub use notice::{Notice, Notices, Room, Trouble, notices};
pub(crate) use socket::{Ended, NotConnected, OPEN_THE_WAY, Socket};
pub use topics::{Allocation, CHANNELS, TOPICS};
