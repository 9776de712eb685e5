//! A server that brings tools along, by the protocol's own library: a weather report that reads, a booking that writes, and one
//! that no client of a flat schema can use. It can change what it says of them, and what it answers.

use std::{
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
};

use axum::{
    Router,
    extract::{Request, State},
    http::StatusCode,
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse, Response},
};
use rmcp::{
    ErrorData, RoleServer, ServerHandler,
    model::{
        CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, ListToolsResult,
        PaginatedRequestParams, ServerCapabilities, ServerConfig, Tool,
    },
    service::RequestContext,
    transport::streamable_http_server::{
        StreamableHttpServerConfig, StreamableHttpService, session::local::LocalSessionManager,
    },
};
use serde_json::{Value, json};

#[derive(Default)]
struct Shelf {
    /// What it says the report does.
    description: String,
    answer: String,
    called: Vec<String>,
    tokens: Vec<String>,
}

/// Runs as long as the process.
pub struct ToolboxSimulator {
    pub address: SocketAddr,
    shelf: Arc<Mutex<Shelf>>,
}

#[derive(Clone)]
struct Toolbox(Arc<Mutex<Shelf>>);

impl ToolboxSimulator {
    /// `token`: what a caller must bring.
    pub async fn start(token: &'static str) -> io::Result<Self> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let shelf = Arc::new(Mutex::new(Shelf {
            description: "Says what the weather is like in a city.".into(),
            answer: "Sunny, 21 degrees.".into(),
            ..Shelf::default()
        }));
        let toolbox = Toolbox(shelf.clone());
        let service = StreamableHttpService::new(
            move || Ok(toolbox.clone()),
            Arc::new(LocalSessionManager::default()),
            StreamableHttpServerConfig::default(),
        );
        let heard = (shelf.clone(), token);
        let app = Router::new().nest_service("/mcp", service).layer(from_fn_with_state(heard, admit));
        tokio::spawn(async move { axum::serve(listener, app).await });
        Ok(Self { address, shelf })
    }

    pub fn url(&self) -> String {
        format!("http://{}/mcp", self.address)
    }

    /// From now on it says something else of its report.
    pub fn describe(&self, description: &str) {
        self.shelf().description = description.to_owned();
    }

    pub fn answer(&self, answer: &str) {
        self.shelf().answer = answer.to_owned();
    }

    /// Calls so far, with their arguments.
    pub fn called(&self) -> Vec<String> {
        self.shelf().called.clone()
    }

    /// Everything that came in the header `authorization`.
    pub fn tokens(&self) -> Vec<String> {
        self.shelf().tokens.clone()
    }

    fn shelf(&self) -> std::sync::MutexGuard<'_, Shelf> {
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn admit(
    State((shelf, token)): State<(Arc<Mutex<Shelf>>, &'static str)>,
    request: Request,
    next: Next,
) -> Response {
    let given = request.headers().get("authorization").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let fits = given == format!("Bearer {token}");
    shelf.lock().unwrap_or_else(PoisonError::into_inner).tokens.push(given.to_owned());
    if fits { next.run(request).await } else { StatusCode::UNAUTHORIZED.into_response() }
}

fn tool(name: &str, description: &str, properties: &Value, hint: bool) -> Option<Tool> {
    let required: Vec<&String> = properties.as_object().into_iter().flat_map(|fields| fields.keys()).collect();
    let schema = json!({ "type": "object", "title": "Arguments", "properties": properties, "required": required });
    let tool = json!({ "name": name, "description": description, "inputSchema": schema,
                       "annotations": { "readOnlyHint": hint } });
    serde_json::from_value(tool).ok()
}

impl ServerHandler for Toolbox {
    fn get_info(&self) -> ServerConfig {
        let mut capabilities = ServerCapabilities::default();
        capabilities.tools = Some(Default::default());
        ServerConfig::new(capabilities)
    }

    async fn list_tools(
        &self,
        _request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let description = self.0.lock().unwrap_or_else(PoisonError::into_inner).description.clone();
        let city = json!({ "city": { "type": "string", "title": "City", "maxLength": 100 } });
        let tools = [
            tool("Get-Weather", &description, &city, true),
            tool("book_trip", "Books a trip to a city.", &city, true),
            tool(
                "pack",
                "Packs things.",
                &json!({ "things": { "type": "array", "items": { "type": "string" } } }),
                false,
            ),
        ];
        Ok(ListToolsResult::with_all_items(tools.into_iter().flatten().collect()))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        _context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let arguments = Value::Object(request.arguments.unwrap_or_default());
        let mut shelf = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        shelf.called.push(format!("{} {arguments}", request.name));
        Ok(CallToolResult::success(vec![ContentBlock::text(shelf.answer.clone())]).into())
    }
}
