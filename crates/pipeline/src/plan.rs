//! YAML to checked plan.
