//! Conversations asked for one by one, as long as the requests of the minute allow.

use std::sync::Arc;

use bytes::Bytes;
use http::Method;

use crate::Id;
use crate::platform::{Platform, PlatformError};

/// Asked for at a time.
pub(super) const SOME: usize = 20;

/// What the service answered, and what kept it from more answers.
pub(super) struct Looked {
    pub(super) answers: Vec<(Id, Option<Bytes>)>,
    pub(super) failed: Option<PlatformError>,
}

/// Whether there are requests to spare: a third is left to everything else.
pub(super) fn is_free(platform: &Platform) -> bool {
    let (left, allowed) = platform.left();
    left > allowed / 3
}

pub(super) async fn look_up(platform: Arc<Platform>, ids: Vec<Id>) -> Looked {
    let mut looked = Looked { answers: Vec::new(), failed: None };
    for id in ids {
        if !is_free(&platform) {
            break;
        }
        match platform.send(Method::GET, &format!("/api/v2/conversations/{id}"), None).await {
            Ok(answer) => looked.answers.push((id, Some(answer.body))),
            Err(error) if error.passes() => {
                looked.failed = Some(error);
                break;
            }
            // It is not kept any more, or not for this client: analytics is all there is.
            Err(error) => {
                let gone = error.reason() == "not_found";
                looked.answers.push((id, None));
                if !gone {
                    looked.failed = Some(error);
                }
            }
        }
    }
    looked
}
