//! `attr`: the text of an attribute, whatever its type.

use std::sync::Arc;

use arrow::array::{Array, AsArray, MapArray, StringArray, StringViewArray};
use arrow::datatypes::DataType;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::common::{Result, exec_err, plan_err};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

/// Where an attribute is looked for: on the span, then on its resource.
pub(super) const MAPS: [&str; 7] =
    ["attr_str", "attr_int", "attr_double", "attr_bool", "attr_json", "resource_str", "resource_json"];

pub(super) fn attr() -> Arc<ScalarUDF> {
    Arc::new(ScalarUDF::new_from_impl(Attr { signature: Signature::user_defined(Volatility::Immutable) }))
}

#[derive(PartialEq, Eq, Hash, Debug)]
struct Attr {
    signature: Signature,
}

impl ScalarUDFImpl for Attr {
    fn name(&self) -> &str {
        "attr"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        match types {
            [maps @ .., key]
                if !maps.is_empty()
                    && maps.iter().all(|map| matches!(map, DataType::Map(..)) || map.is_string())
                    && (key.is_string() || key.is_null()) =>
            {
                let view = |of: &DataType| if of.is_string() { DataType::Utf8View } else { of.clone() };
                Ok(maps.iter().map(view).chain([DataType::Utf8]).collect())
            }
            _ => {
                plan_err!("`attr` takes a key, as in attr('http.route'), or columns of attributes and a key")
            }
        }
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = ColumnarValue::values_to_arrays(&arguments.args)?;
        let Some((keys, maps)) = arrays.split_last() else { return exec_err!("a key is expected") };
        let Some(keys) = keys.as_string_opt::<i32>() else { return exec_err!("the key is text") };
        let options = FormatOptions::default();
        let maps: Result<Vec<Lookup<'_>>> = maps.iter().map(|map| Lookup::of(map, &options)).collect();
        let maps = maps?;
        let text = |row: usize| {
            let key = keys.is_valid(row).then(|| keys.value(row))?;
            maps.iter().find_map(|map| map.find(row, key))
        };
        Ok(ColumnarValue::Array(Arc::new(StringArray::from_iter((0..keys.len()).map(text)))))
    }
}

enum Lookup<'a> {
    Map {
        map: &'a MapArray,
        keys: &'a StringArray,
        values: ArrayFormatter<'a>,
    },
    /// The attribute's own column.
    Own(&'a StringViewArray),
}

impl<'a> Lookup<'a> {
    fn of(map: &'a dyn Array, options: &FormatOptions<'a>) -> Result<Self> {
        if let Some(own) = map.as_string_view_opt() {
            return Ok(Self::Own(own));
        }
        let Some(map) = map.as_map_opt() else { return exec_err!("attributes are a map") };
        let Some(keys) = map.keys().as_string_opt::<i32>() else { return exec_err!("keys are text") };
        Ok(Self::Map { map, keys, values: ArrayFormatter::try_new(map.values(), options)? })
    }

    fn find(&self, row: usize, key: &str) -> Option<String> {
        let (map, keys, values) = match self {
            Self::Own(own) => return own.is_valid(row).then(|| own.value(row).to_owned()),
            Self::Map { map, keys, values } => (map, keys, values),
        };
        let offset = |at: usize| map.value_offsets().get(at).and_then(|at| usize::try_from(*at).ok());
        let mut places = offset(row)?..offset(row + 1)?;
        let at = places.find(|at| map.is_valid(row) && keys.value(*at) == key)?;
        Some(values.value(at).to_string())
    }
}
