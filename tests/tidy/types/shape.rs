//! What a JSON Schema says, as far as the wire uses it: the forms from which both languages' types are written.

use serde_json::Value;

/// A type.
#[derive(Debug, Clone, PartialEq)]
pub enum Shape {
    /// Another type, by name.
    Ref(String),
    /// Exactly this value.
    Literal(Value),
    /// One of these.
    Union(Vec<Shape>),
    /// An object with these fields, besides those of the types that it extends.
    Object { extends: Vec<String>, fields: Vec<Field> },
    /// An object with any names.
    Map(Box<Shape>),
    /// A list.
    List(Box<Shape>),
    /// A list of these, in order.
    Tuple(Vec<Shape>),
    /// Text.
    Text,
    /// A number.
    Number,
    /// A whole number.
    Integer,
    /// True or false.
    Boolean,
    /// Nothing.
    Null,
    /// Anything.
    Any,
}

/// A field of an object.
#[derive(Debug, Clone, PartialEq)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// What is in it.
    pub shape: Shape,
    /// Whether it may be left out.
    pub optional: bool,
    /// What it means.
    pub doc: String,
}

/// A type with a name.
#[derive(Debug, Clone, PartialEq)]
pub struct Definition {
    /// What it is.
    pub shape: Shape,
    /// What it means.
    pub doc: String,
    /// What each alternative means, in the order of a union.
    pub docs: Vec<String>,
}

impl Definition {
    /// Reads a definition.
    pub fn of(schema: &Value) -> Self {
        let docs = alternatives(schema).into_iter().flatten().map(doc).collect();
        Self { shape: Shape::of(schema), doc: doc(schema), docs }
    }
}

impl Definition {
    /// Returns it with the fields that may be left out never null.
    pub fn without_nulls(mut self) -> Self {
        match &mut self.shape {
            Shape::Object { fields, .. } => fields.iter_mut().for_each(Field::never_null),
            Shape::Union(all) => {
                for it in all {
                    if let Shape::Object { fields, .. } = it {
                        fields.iter_mut().for_each(Field::never_null);
                    }
                }
            }
            _ => {}
        }
        self
    }
}

impl Field {
    fn never_null(&mut self) {
        if let (true, Shape::Union(all)) = (self.optional, &mut self.shape) {
            all.retain(|it| *it != Shape::Null);
        }
    }
}

fn doc(schema: &Value) -> String {
    let text = schema.get("description").and_then(Value::as_str).unwrap_or_default();
    text.replace('\n', " ").trim().to_owned()
}

fn alternatives(schema: &Value) -> Option<&Vec<Value>> {
    schema.get("oneOf").or_else(|| schema.get("anyOf")).and_then(Value::as_array)
}

fn name_of(reference: &Value) -> Option<String> {
    Some(reference.as_str()?.rsplit('/').next()?.to_owned())
}

impl Shape {
    /// Reads a schema. What the wire does not use panics here: the writers would not know it either.
    pub fn of(schema: &Value) -> Self {
        let Some(object) = schema.as_object() else { return Self::Any };
        let reference = object.get("$ref").and_then(name_of);
        if let Some(literal) = object.get("const") {
            return Self::Literal(literal.clone());
        }
        if let Some(literals) = object.get("enum").and_then(Value::as_array) {
            return Self::Union(literals.iter().cloned().map(Self::Literal).collect());
        }
        let fields = fields(schema);
        if let Some(all) = alternatives(schema) {
            let all: Vec<Self> = all.iter().map(Self::of).collect();
            // Fields beside alternatives belong to each of them.
            return if fields.is_empty() {
                Self::Union(all)
            } else {
                Self::Union(all.into_iter().map(|it| it.with(&fields)).collect())
            };
        }
        match (reference, fields.is_empty()) {
            (Some(name), true) => return Self::Ref(name),
            (Some(name), false) => return Self::Object { extends: vec![name], fields },
            (None, false) => return Self::Object { extends: Vec::new(), fields },
            (None, true) => {}
        }
        match object.get("type") {
            Some(Value::Array(all)) => Self::Union(all.iter().map(|it| Self::simple(it, schema)).collect()),
            Some(one) => Self::simple(one, schema),
            None => Self::Any,
        }
    }

    fn simple(kind: &Value, schema: &Value) -> Self {
        match kind.as_str() {
            Some("string") => Self::Text,
            Some("number") => Self::Number,
            Some("integer") => Self::Integer,
            Some("boolean") => Self::Boolean,
            Some("null") => Self::Null,
            Some("array") => match (schema.get("prefixItems").and_then(Value::as_array), schema.get("items")) {
                (Some(all), _) => Self::Tuple(all.iter().map(Self::of).collect()),
                (None, Some(items)) => Self::List(Box::new(Self::of(items))),
                (None, None) => Self::List(Box::new(Self::Any)),
            },
            Some("object") => match schema.get("additionalProperties") {
                Some(Value::Bool(false)) => Self::Object { extends: Vec::new(), fields: Vec::new() },
                Some(values) => Self::Map(Box::new(Self::of(values))),
                None => Self::Object { extends: Vec::new(), fields: Vec::new() },
            },
            other => panic!("the wire has a type that no writer knows: {other:?} in {schema}"),
        }
    }

    fn with(self, more: &[Field]) -> Self {
        match self {
            Self::Object { extends, fields } => {
                Self::Object { extends, fields: more.iter().cloned().chain(fields).collect() }
            }
            Self::Ref(name) => Self::Object { extends: vec![name], fields: more.to_vec() },
            other => panic!("fields stand beside an alternative that is no object: {other:?}"),
        }
    }
}

fn fields(schema: &Value) -> Vec<Field> {
    let required: Vec<&str> =
        schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
    let properties = schema.get("properties").and_then(Value::as_object);
    let field = |(name, schema): (&String, &Value)| Field {
        name: name.clone(),
        shape: Shape::of(schema),
        optional: !required.contains(&name.as_str()),
        doc: doc(schema),
    };
    properties.into_iter().flatten().map(field).collect()
}
