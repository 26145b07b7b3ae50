//! `throughline call transfer`.

use std::process::ExitCode;

use clap::{ArgGroup, Args};
use throughline_sdk::genesys::calls::{Address, Destination, Transfer};

use super::site::Site;
use super::traced;

#[derive(Args)]
#[command(
    group = ArgGroup::new("how").required(true),
    group = ArgGroup::new("whom"),
    after_help = format!(
        "Example:\n  export GENESYS_REGION=eu_west_1 GENESYS_CLIENT_ID=0a1b... GENESYS_CLIENT_SECRET=...\n  throughline call transfer c41e7d90-... --dialect public_api --blind --to-queue 7c1c1f7e-...\n  throughline call transfer c41e7d90-... --dialect public_api --consult --to-user 5b7e0a52-...\n  throughline call transfer c41e7d90-... --dialect public_api --complete\n\nThe trace of the call goes on: the participant data stays with the customer, and a call to a\nnumber takes the context along as uuiData.\n\n{}", super::EXITS
    )
)]
pub(super) struct Arguments {
    /// The id of the conversation.
    conversation: String,
    /// The agent leaves at once.
    #[arg(long, group = "how", requires = "whom")]
    blind: bool,
    /// The agent talks with the destination first, while the customer is on hold.
    #[arg(long, group = "how", requires = "whom")]
    consult: bool,
    /// Ends a consultation: the agent leaves, the customer is connected to the destination.
    #[arg(long, group = "how", conflicts_with = "whom")]
    complete: bool,
    /// Ends a consultation: the agent is back with the customer.
    #[arg(long, group = "how", conflicts_with = "whom")]
    cancel: bool,
    /// To the user with this id.
    #[arg(long, value_name = "ID", group = "whom")]
    to_user: Option<String>,
    /// To the queue with this id.
    #[arg(long, value_name = "ID", group = "whom")]
    to_queue: Option<String>,
    /// To a number or another address: tel:+6598765432 or sip:user@host.
    #[arg(long, value_name = "ADDRESS", group = "whom")]
    to: Option<Address>,
    /// The id of the participant who hands over; needed where several people talk.
    #[arg(long, value_name = "ID")]
    participant: Option<String>,
    #[command(flatten)]
    site: Site,
}

pub(super) fn run(arguments: &Arguments) -> ExitCode {
    let transfer = arguments.transfer();
    traced::run(&arguments.site, async |calls| calls.transfer(&transfer).await)
}

impl Arguments {
    fn transfer(&self) -> Transfer {
        let to = match (&self.to_user, &self.to_queue, &self.to) {
            (Some(user), ..) => Some(Destination::User(user.clone())),
            (_, Some(queue), _) => Some(Destination::Queue(queue.clone())),
            (_, _, Some(address)) => Some(Destination::Address(address.clone())),
            (None, None, None) => None,
        };
        let id = self.conversation.as_str();
        let transfer = match to {
            Some(to) if self.blind => Transfer::blind(id, to),
            Some(to) => Transfer::consult(id, to),
            None if self.complete => Transfer::complete(id),
            None => Transfer::cancel(id),
        };
        match &self.participant {
            Some(participant) => transfer.participant(participant),
            None => transfer,
        }
    }
}
