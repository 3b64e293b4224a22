//! The OpenAPI 3.1 document and the reference page, both made of the table of operations.

use std::sync::OnceLock;

use askama::Template;
use axum::{
    Extension,
    http::header,
    response::{IntoResponse, Response},
};
use schemars::{JsonSchema, SchemaGenerator, generate::SchemaSettings};
use serde_json::{Map, Value, json};
use sizao_app::{authorization::purposes, identity::Role};

use super::{Operation, operations};
use crate::{
    context::{Asked, Ctx},
    pages::{Answer, page},
    routes::Who,
    view::Chrome,
};

/// What every failure looks like.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its schema is used; `failure` writes it")]
struct Problem {
    /// Kind of the problem.
    r#type: String,
    title: String,
    status: u16,
    /// The word by which programs tell problems apart.
    code: String,
    /// The request, as `urn:uuid:…`; the header `x-request-id` has the same id.
    instance: String,
    /// What to do.
    detail: Option<String>,
    /// Fields that are wrong.
    fields: Option<Vec<WrongField>>,
}

#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its schema is used")]
struct WrongField {
    name: String,
    rule: String,
}

/// The document.
pub(crate) async fn document() -> Response {
    static TEXT: OnceLock<String> = OnceLock::new();
    let text = TEXT.get_or_init(|| format!("{:#}\n", whole()));
    ([(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-cache")], text.as_str()).into_response()
}

/// The document as a value.
pub fn whole() -> Value {
    let mut generator = SchemaSettings::draft2020_12()
        .with(|settings| {
            settings.definitions_path = "/components/schemas".into();
            settings.meta_schema = None;
        })
        .into_generator();
    let problem = generator.subschema_for::<Problem>();
    let mut paths = Map::new();
    for operation in operations() {
        let described = described(operation, &mut generator);
        let path = paths.entry(operation.path).or_insert_with(|| json!({}));
        path[operation.method.to_ascii_lowercase()] = described;
    }
    json!({
        "openapi": "3.1.0",
        "jsonSchemaDialect": "https://json-schema.org/draft/2020-12/schema",
        "info": {
            "title": "Sizao", "version": "1",
            "description": "The JSON API of a node. Rights are those of the account on whose behalf the token was made, limited to the token's scopes.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {"token": {
                "type": "http", "scheme": "bearer",
                "description": "Made on the page of one's own account, shown once; ends after 90 days at most.",
            }},
            "headers": {"RequestId": {"description": "Id of the request, as in logs and in the record of who looked.", "required": true, "schema": {"type": "string", "format": "uuid"}}},
            "responses": {"Problem": {
                "description": "Not done; RFC 9457.",
                "headers": {"x-request-id": {"$ref": "#/components/headers/RequestId"}},
                "content": {"application/problem+json": {"schema": problem}},
            }},
            "schemas": generator.take_definitions(true),
        },
    })
}

fn described(operation: &Operation, generator: &mut SchemaGenerator) -> Value {
    let mut parameters = path_parameters(operation);
    if let Some(query) = operation.query {
        parameters.extend(query_parameters(query(generator).to_value()));
    }
    if operation.idempotent {
        parameters.push(json!({
            "name": "Idempotency-Key", "in": "header", "required": true,
            "description": "A word of your own for this batch: sent again, it counts once.",
            "schema": {"type": "string", "pattern": "^[!-~]{1,64}$"},
        }));
    }
    let mut value = json!({
        "operationId": operation.id,
        "summary": operation.summary,
        "tags": [operation.path.trim_start_matches("/api/v1/").split('/').next().unwrap_or_default()],
        "x-right": match operation.who { Who::May(action) => action.name(), Who::SignedIn => "any", Who::Anyone => "none" },
        "responses": responses(operation, generator),
    });
    if !operation.told.is_empty() {
        value["description"] = operation.told.into();
    }
    if !parameters.is_empty() {
        value["parameters"] = parameters.into();
    }
    let content: Map<String, Value> = operation
        .takes
        .iter()
        .flatten()
        .map(|takes| {
            let schema = (takes.schema)(generator);
            let mut content = json!({"schema": schema});
            // Lines of JSON are no JSON; an example of them stands in the schema's description.
            if takes.media == "application/json" {
                content["example"] = serde_json::from_str(takes.example).unwrap_or_default();
            }
            (takes.media.to_owned(), content)
        })
        .collect();
    if !content.is_empty() {
        value["requestBody"] = json!({"required": true, "content": content});
    }
    value
}

fn path_parameters(operation: &Operation) -> Vec<Value> {
    let parts = operation.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    let one =
        |name| json!({"name": name, "in": "path", "required": true, "schema": {"type": "string", "format": "uuid"}});
    parts.map(one).collect()
}

/// The fields of a query, each as a parameter.
fn query_parameters(schema: Value) -> Vec<Value> {
    let required: Vec<&str> = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let fields = schema["properties"].as_object().cloned().unwrap_or_default();
    let one = |(name, mut field): (String, Value)| {
        let told = field.as_object_mut().and_then(|field| field.remove("description")).unwrap_or_default();
        let needed = required.contains(&name.as_str());
        json!({"name": name, "in": "query", "required": needed, "description": told, "schema": without_null(field)})
    };
    fields.into_iter().map(one).collect()
}

/// A query has no null: a field that may be absent is absent.
fn without_null(mut schema: Value) -> Value {
    if let Some(kinds) = schema["type"].as_array() {
        let kinds: Vec<&Value> = kinds.iter().filter(|kind| *kind != "null").collect();
        if let [kind] = kinds[..] {
            schema["type"] = kind.clone();
        }
    }
    if let Some(choices) = schema["anyOf"].as_array() {
        let kept: Vec<&Value> = choices.iter().filter(|choice| choice["type"] != "null").collect();
        if let [one] = kept[..] {
            return one.clone();
        }
    }
    if let Some(object) = schema.as_object_mut() {
        object.retain(|_, value| !value.is_null());
    }
    schema
}

fn responses(operation: &Operation, generator: &mut SchemaGenerator) -> Value {
    let mut answers = Map::new();
    let mut good = json!({
        "description": "Done.",
        "headers": {"x-request-id": {"$ref": "#/components/headers/RequestId"}},
    });
    if let Some((media, schema)) = operation.gives {
        good["content"] = json!({media: {"schema": schema(generator)}});
    }
    let (place, next) = operation.leads_to;
    if !next.is_empty() {
        let id = format!("$response.body#{place}");
        let link = |name: &&str| ((*name).to_owned(), json!({"operationId": name, "parameters": {"id": id}}));
        good["links"] = next.iter().map(link).collect::<Map<_, _>>().into();
    }
    answers.insert(operation.status.to_string(), good);
    let takes = operation.takes[0].is_some();
    let refusals: [(u16, bool); 9] = [
        (400, takes || operation.query.is_some() || operation.idempotent),
        (401, operation.who != Who::Anyone),
        (403, matches!(operation.who, Who::May(_))),
        (404, operation.path.contains('{') || operation.query.is_some()),
        (409, operation.method == "POST"),
        (413, takes),
        (415, takes),
        (422, takes || operation.query.is_some()),
        (503, true),
    ];
    for (status, _) in refusals.iter().filter(|(_, may)| *may) {
        answers.insert(status.to_string(), json!({"$ref": "#/components/responses/Problem"}));
    }
    answers.insert("default".to_owned(), json!({"$ref": "#/components/responses/Problem"}));
    answers.into()
}

#[derive(Template)]
#[template(path = "api.html")]
struct ReferencePage {
    c: Chrome,
    operations: Vec<Shown>,
}

struct Shown {
    operation: &'static Operation,
    right: Option<&'static str>,
    roles: Vec<&'static str>,
    parameters: Vec<Parameter>,
    takes: Vec<(&'static str, String)>,
    gives: Option<String>,
}

struct Parameter {
    name: String,
    place: String,
    required: bool,
    told: String,
}

/// The rendered reference, of our own assets alone.
pub(crate) async fn reference(Extension(asked): Extension<Asked>, ctx: Option<Ctx>) -> Answer {
    let document = whole();
    let c = ctx.as_ref().map_or_else(|| Chrome::open(&asked), Chrome::of);
    page(&ReferencePage { c, operations: operations().map(|operation| shown(operation, &document)).collect() })
}

fn shown(operation: &'static Operation, document: &Value) -> Shown {
    let described = &document["paths"][operation.path][operation.method.to_ascii_lowercase()];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let parameters = described["parameters"].as_array().into_iter().flatten().map(|parameter| Parameter {
        name: text(&parameter["name"]),
        place: text(&parameter["in"]),
        required: parameter["required"] == true,
        told: text(&parameter["description"]),
    });
    let right = match operation.who {
        Who::May(action) => Some(action),
        _ => None,
    };
    let may = |role: &Role| right.is_some_and(|action| !purposes(*role, action).is_empty());
    let example = |takes: &super::Takes| (takes.media, pretty(takes.example));
    let gives = described["responses"][operation.status.to_string()]["content"].as_object();
    let schema = gives.and_then(|content| content.values().next()).map(|content| &content["schema"]);
    Shown {
        operation,
        right: right.map(|action| action.name()),
        roles: Role::ALL.iter().filter(|role| may(role)).map(|role| role.name()).collect(),
        parameters: parameters.collect(),
        takes: operation.takes.iter().flatten().map(example).collect(),
        gives: schema.map(|schema| outline(schema, document, 0)),
    }
}

fn pretty(example: &str) -> String {
    serde_json::from_str::<Value>(example).map_or(example.to_owned(), |value| format!("{value:#}"))
}

/// A schema as people read it: names of fields and their types, three levels deep.
fn outline(schema: &Value, document: &Value, depth: usize) -> String {
    let name = schema["$ref"].as_str().and_then(|path| path.rsplit('/').next());
    let schema = name.map_or(schema, |name| &document["components"]["schemas"][name]);
    let pad = "  ".repeat(depth + 1);
    if let Some(fields) = schema["properties"].as_object().filter(|_| depth < 3) {
        let line = |(name, field): (&String, &Value)| format!("{pad}{name}: {}", outline(field, document, depth + 1));
        return format!("{{\n{}\n{}}}", fields.iter().map(line).collect::<Vec<_>>().join("\n"), "  ".repeat(depth));
    }
    if let Some(words) = schema["enum"].as_array() {
        return words.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" | ");
    }
    if let Some(choices) = schema["anyOf"].as_array() {
        return choices.iter().map(|one| outline(one, document, depth)).collect::<Vec<_>>().join(" | ");
    }
    let kind = match &schema["type"] {
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" | "),
        kind => kind.as_str().unwrap_or("object").to_owned(),
    };
    match (kind.as_str(), schema["format"].as_str()) {
        ("array", _) => format!("[{}]", outline(&schema["items"], document, depth)),
        (_, Some(format)) if !format.starts_with("uint") && !format.starts_with("int") => format!("{kind} ({format})"),
        _ => kind,
    }
}
