//! What the engine's own codec does not know: which rows count, and our functions that remember something.

use std::any::Any;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use ballista_core::serde::BallistaPhysicalExtensionCodec;
use datafusion::common::{DataFusionError, Result, not_impl_err};
use datafusion::datasource::physical_plan::FileGroup;
use datafusion::execution::TaskContext;
use datafusion::logical_expr::ScalarUDF;
use datafusion::physical_plan::ExecutionPlan;
use datafusion_proto::physical_plan::{PhysicalExtensionCodec, PhysicalProtoConverterExtension};

use super::reader::Root;
use super::remote::{Remote, Rows, files};
use crate::sql::joined::{JOINED, Known};

/// No message of Ballista begins with this: the first byte ends a group, and there is none.
const OURS: &[u8] = b"throughline ";

pub(super) struct Codec {
    ballista: BallistaPhysicalExtensionCodec,
    /// Executors read what others only send on.
    root: Option<Root>,
}

impl Codec {
    pub(super) fn new(root: Option<Root>) -> Self {
        Self { ballista: BallistaPhysicalExtensionCodec::default(), root }
    }
}

impl PhysicalExtensionCodec for Codec {
    fn try_decode(
        &self,
        bytes: &[u8],
        inputs: &[Arc<dyn ExecutionPlan>],
        context: &TaskContext,
        converter: &dyn PhysicalProtoConverterExtension,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let (Some(rows), [scan]) = (bytes.strip_prefix(OURS), inputs) else {
            return self.ballista.try_decode(bytes, inputs, context, converter);
        };
        let rows: Rows = serde_json::from_slice(rows).map_err(external)?;
        match &self.root {
            Some(root) => root.scan(scan, &rows),
            None => Ok(Arc::new(Remote::new(Arc::clone(scan), Arc::new(rows)))),
        }
    }

    fn try_encode(
        &self,
        node: Arc<dyn ExecutionPlan>,
        bytes: &mut Vec<u8>,
        converter: &dyn PhysicalProtoConverterExtension,
    ) -> Result<()> {
        let Some(remote) = node.downcast_ref::<Remote>() else {
            return self.ballista.try_encode(node, bytes, converter);
        };
        bytes.extend_from_slice(OURS);
        // A task has some of the files only.
        let read = paths(&remote.scan);
        let rows: HashMap<&str, _> =
            read.iter().filter_map(|path| Some((path.as_str(), remote.rows.get(path)?))).collect();
        serde_json::to_writer(bytes, &rows).map_err(external)
    }

    fn try_decode_udf(&self, name: &str, bytes: &[u8]) -> Result<Arc<ScalarUDF>> {
        if name != JOINED {
            return not_impl_err!("there is no function `{name}`");
        }
        let interactions = Arc::new(serde_json::from_slice(bytes).map_err(external)?);
        Ok(Arc::new(ScalarUDF::new_from_impl(Known::new(interactions))))
    }

    fn try_encode_udf(&self, function: &ScalarUDF, bytes: &mut Vec<u8>) -> Result<()> {
        let function: &dyn Any = function.inner().as_ref();
        match function.downcast_ref::<Known>() {
            Some(known) => serde_json::to_writer(bytes, known.interactions()).map_err(external),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Codec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Codec")
    }
}

fn paths(scan: &Arc<dyn ExecutionPlan>) -> Vec<String> {
    let listed = files(scan).into_iter().flat_map(|scan| &scan.file_groups).flat_map(FileGroup::iter);
    listed.map(|file| file.object_meta.location.to_string()).collect()
}

fn external(error: serde_json::Error) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}
