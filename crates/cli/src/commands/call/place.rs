//! `throughline call place`.

use std::process::ExitCode;

use clap::Args;
use throughline_sdk::genesys::calls::{Address, OutboundCall};

use super::site::Site;
use super::traced;

#[derive(Args)]
#[command(after_help = format!(
    "Example:\n  export GENESYS_REGION=eu_west_1 GENESYS_CLIENT_ID=0a1b... GENESYS_CLIENT_SECRET=...\n  throughline call place --dialect public_api --to tel:+6598765432 --user 5b7e0a52-... --json\n\nClient credentials belong to no user: --user says on whose behalf the call is made.\n\nThe call goes on in the trace of TRACEPARENT, where that is set, or in a new one. The context\ntravels in attributes and uuiData (public_api), or in customHeaders and attributes (pages);\nan address holds nothing but an address.\n\n{}", super::EXITS
))]
pub(super) struct Arguments {
    /// Whom to call: tel:+6598765432 or sip:user@host.
    #[arg(long, value_name = "ADDRESS")]
    to: Address,
    /// The number that is shown (callerId); for `pages` the address of the caller, which it needs.
    #[arg(long, value_name = "ADDRESS")]
    from: Option<Address>,
    /// The id of the queue on whose behalf the call is made.
    #[arg(long, value_name = "ID")]
    from_queue: Option<String>,
    /// The id of the user who makes the call, and whose phone rings first.
    #[arg(long, value_name = "ID")]
    user: Option<String>,
    /// An attribute of the customer's participant; may be repeated.
    #[arg(long = "attribute", value_name = "NAME=VALUE", value_parser = pair)]
    attributes: Vec<(String, String)>,
    /// A header among `customHeaders`, for `pages`; may be repeated.
    #[arg(long = "header", value_name = "NAME=VALUE", value_parser = pair)]
    headers: Vec<(String, String)>,
    /// User-to-User data, in place of the context; for `public_api`.
    #[arg(long, value_name = "DATA")]
    uui: Option<String>,
    #[command(flatten)]
    site: Site,
}

fn pair(text: &str) -> Result<(String, String), String> {
    let pair = text.split_once('=').filter(|(name, _)| !name.is_empty());
    pair.map(|(name, value)| (name.to_owned(), value.to_owned())).ok_or_else(|| "write NAME=VALUE".to_owned())
}

pub(super) fn run(arguments: &Arguments) -> ExitCode {
    let call = arguments.call();
    traced::run(&arguments.site, async |calls| calls.place(&call).await)
}

impl Arguments {
    fn call(&self) -> OutboundCall {
        let mut call = OutboundCall::new(self.to.clone());
        if let Some(from) = &self.from {
            call = call.from(from.clone());
        }
        if let Some(queue) = &self.from_queue {
            call = call.from_queue(queue);
        }
        if let Some(user) = &self.user {
            call = call.user(user);
        }
        if let Some(uui) = &self.uui {
            call = call.uui_data(uui);
        }
        call = self.attributes.iter().fold(call, |call, (name, value)| call.attribute(name, value));
        self.headers.iter().fold(call, |call, (name, value)| call.header(name, value))
    }
}
