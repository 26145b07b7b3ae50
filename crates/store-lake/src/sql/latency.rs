//! `latency_hist`, `hist_merge` and `hist_quantile`.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Float64Array};
use arrow::datatypes::{DataType, Field, FieldRef, Float64Type, Int64Type};
use datafusion::common::{Result, ScalarValue, exec_err, plan_err};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::{AggregateOrderSensitivity, format_state_name};
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, ColumnarValue, EmitTo, GroupsAccumulator,
    ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

use super::hist::{Hist, data_type, packed, stored, to_array};

pub(super) fn aggregates() -> [Arc<AggregateUDF>; 2] {
    let of = |takes| {
        let signature = Signature::user_defined(Volatility::Immutable);
        Arc::new(AggregateUDF::new_from_impl(Gather { takes, signature }))
    };
    [of(Takes::Durations), of(Takes::Histograms)]
}

pub(super) fn quantile() -> Arc<ScalarUDF> {
    let signature = Signature::exact(vec![data_type(), DataType::Float64], Volatility::Immutable);
    Arc::new(ScalarUDF::new_from_impl(Quantile { signature }))
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Takes {
    Durations,
    Histograms,
    /// Histograms on their way from a part of a plan to another.
    Packed,
}

impl Takes {
    /// Adds each row to the histogram of its place, where it has one.
    fn add(
        self,
        values: &[ArrayRef],
        hists: &mut [Hist],
        places: impl Iterator<Item = Option<usize>>,
    ) -> Result<()> {
        let [values] = values else { return exec_err!("one argument is expected") };
        match self {
            Self::Durations => {
                let Some(values) = values.as_primitive_opt::<Int64Type>() else {
                    return exec_err!("durations are whole nanoseconds");
                };
                for (value, place) in values.iter().zip(places) {
                    if let (Some(value), Some(hist)) = (value, place.and_then(|at| hists.get_mut(at))) {
                        hist.add(value);
                    }
                }
            }
            Self::Histograms => {
                for (other, place) in stored(values).zip(places) {
                    if let (Some(other), Some(hist)) = (other, place.and_then(|at| hists.get_mut(at))) {
                        hist.merge(&other);
                    }
                }
            }
            Self::Packed => {
                for (bytes, place) in values.as_binary::<i64>().iter().zip(places) {
                    if let (Some(bytes), Some(hist)) = (bytes, place.and_then(|at| hists.get_mut(at)))
                        && packed::merge(hist, bytes).is_none()
                    {
                        return exec_err!("these bytes are no histogram");
                    }
                }
            }
        }
        Ok(())
    }
}

/// Makes one histogram of many values.
#[derive(PartialEq, Eq, Hash, Debug)]
struct Gather {
    takes: Takes,
    signature: Signature,
}

impl AggregateUDFImpl for Gather {
    fn name(&self) -> &str {
        match self.takes {
            Takes::Durations => "latency_hist",
            Takes::Histograms | Takes::Packed => "hist_merge",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        match (self.takes, types) {
            (Takes::Durations, [of]) if of.is_numeric() || of.is_null() => Ok(vec![DataType::Int64]),
            (Takes::Histograms, [of]) if *of == data_type() => Ok(vec![of.clone()]),
            (Takes::Durations, _) => {
                plan_err!("`latency_hist` takes one number, as in latency_hist(duration_ns)")
            }
            (Takes::Histograms | Takes::Packed, _) => {
                plan_err!("`hist_merge` takes what `latency_hist` gives")
            }
        }
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(data_type())
    }

    fn state_fields(&self, arguments: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        let name = format_state_name(arguments.name, "packed");
        Ok(vec![Arc::new(Field::new(name, DataType::LargeBinary, true))])
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        AggregateOrderSensitivity::Insensitive
    }

    fn accumulator(&self, arguments: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        if arguments.is_distinct {
            return plan_err!("`{}` counts all values: leave DISTINCT out", self.name());
        }
        Ok(Box::new(One { takes: self.takes, hist: Hist::default() }))
    }

    fn groups_accumulator_supported(&self, arguments: AccumulatorArgs<'_>) -> bool {
        !arguments.is_distinct
    }

    fn create_groups_accumulator(&self, _: AccumulatorArgs<'_>) -> Result<Box<dyn GroupsAccumulator>> {
        Ok(Box::new(Groups { takes: self.takes, hists: Vec::new(), bytes: 0 }))
    }
}

#[derive(Debug)]
struct One {
    takes: Takes,
    hist: Hist,
}

impl One {
    fn hists(&self) -> &[Hist] {
        std::slice::from_ref(&self.hist)
    }

    fn take(&mut self, takes: Takes, values: &[ArrayRef]) -> Result<()> {
        takes.add(values, std::slice::from_mut(&mut self.hist), std::iter::repeat(Some(0)))
    }
}

impl Accumulator for One {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.take(self.takes, values)
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.take(Takes::Packed, states)
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        Ok(ScalarValue::Struct(Arc::new(to_array(self.hists())?)))
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![ScalarValue::try_from_array(&packed::pack(self.hists()), 0)?])
    }

    fn size(&self) -> usize {
        self.hist.size()
    }
}

/// A histogram for each group.
struct Groups {
    takes: Takes,
    hists: Vec<Hist>,
    bytes: usize,
}

impl Groups {
    fn take(
        &mut self,
        takes: Takes,
        values: &[ArrayRef],
        groups: &[usize],
        filter: Option<&BooleanArray>,
        total: usize,
    ) -> Result<()> {
        self.hists.resize_with(total, Hist::default);
        let done = match filter {
            None => takes.add(values, &mut self.hists, groups.iter().map(|group| Some(*group))),
            Some(filter) => {
                let places = groups.iter().zip(filter).map(|(group, wanted)| wanted?.then_some(*group));
                takes.add(values, &mut self.hists, places)
            }
        };
        self.bytes = self.hists.iter().map(Hist::size).sum();
        done
    }

    fn emit(&mut self, to: EmitTo) -> Vec<Hist> {
        let hists = to.take_needed(&mut self.hists);
        self.bytes = self.hists.iter().map(Hist::size).sum();
        hists
    }
}

impl GroupsAccumulator for Groups {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        groups: &[usize],
        filter: Option<&BooleanArray>,
        total: usize,
    ) -> Result<()> {
        self.take(self.takes, values, groups, filter, total)
    }

    fn merge_batch(&mut self, values: &[ArrayRef], groups: &[usize], total: usize) -> Result<()> {
        self.take(Takes::Packed, values, groups, None, total)
    }

    fn evaluate(&mut self, to: EmitTo) -> Result<ArrayRef> {
        Ok(Arc::new(to_array(&self.emit(to))?))
    }

    fn state(&mut self, to: EmitTo) -> Result<Vec<ArrayRef>> {
        Ok(vec![Arc::new(packed::pack(&self.emit(to)))])
    }

    fn convert_to_state(&self, values: &[ArrayRef], filter: Option<&BooleanArray>) -> Result<Vec<ArrayRef>> {
        let rows = values.first().map_or(0, Array::len);
        let mut each = Self { takes: self.takes, hists: Vec::new(), bytes: 0 };
        let groups: Vec<usize> = (0..rows).collect();
        each.update_batch(values, &groups, filter, rows)?;
        each.state(EmitTo::All)
    }

    fn size(&self) -> usize {
        self.bytes
    }
}

#[derive(PartialEq, Eq, Hash, Debug)]
struct Quantile {
    signature: Signature,
}

impl ScalarUDFImpl for Quantile {
    fn name(&self) -> &str {
        "hist_quantile"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Float64)
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = ColumnarValue::values_to_arrays(&arguments.args)?;
        let [hists, parts] = arrays.as_slice() else { return exec_err!("two arguments are expected") };
        let Some(parts) = parts.as_primitive_opt::<Float64Type>() else {
            return exec_err!("the second argument is a number from 0 to 1");
        };
        let told = stored(hists).zip(parts).map(|(hist, part)| hist?.quantile(part?));
        Ok(ColumnarValue::Array(Arc::new(Float64Array::from_iter(told))))
    }
}
