import Base
import Files
import Glibc
import Methods
import Page
import Rendering

/// The server's answers: the page, and the interface that it asks (`/api/…`), which README describes.
package struct ServedProgram: Sendable {
    let access: Access
    let library: MediaLibrary
    let models: ServedModels
    let looker: FrameLooker
    let jobs: JobList
    let version: String

    package init(
        access: Access, library: MediaLibrary, models: ServedModels, looker: FrameLooker, jobs: JobList,
        version: String
    ) {
        self.access = access
        self.library = library
        self.models = models
        self.looker = looker
        self.jobs = jobs
        self.version = version
    }

    /// Called on the connections' threads.
    package func answer(_ request: HTTPRequest) -> HTTPResponse {
        do {
            try access.checkOrigin(request.head)
            guard request.head.path.first == "api" else { return try page(request.head) }
            try access.checkToken(request.head)
            return try api(request, Array(request.head.path.dropFirst()))
        } catch {
            return HTTPResponse(Self.problem(of: error))
        }
    }

    /// What a client is told of an error. Of paths of the server's own nothing is said.
    static func problem(of error: any Error) -> HTTPProblem {
        switch error {
        case let problem as HTTPProblem: return problem
        case is Cancellation.Cancelled:
            return HTTPProblem(.clientClosedRequest, "nobody waits for it any more")
        case let error as VitvideoError:
            let status: HTTPStatus =
                switch error.kind {
                case .usage, .badData: .unprocessable
                case .noInput: .notFound
                case .unavailable: .unavailable
                default: .internalError
                }
            let advice: String? = if case .advice(let text)? = error.nextStep { text } else { nil }
            return HTTPProblem(status, oneLine(error.reason, limit: 500) + (advice.map { "; \($0)" } ?? ""))
        default: return HTTPProblem(.internalError, "something went wrong")
        }
    }

    // MARK: The page

    private func page(_ head: HTTPHead) throws -> HTTPResponse {
        guard head.method == "GET" || head.method == "HEAD" else {
            throw HTTPProblem(.methodNotAllowed, "a page is read with GET")
        }
        // The page itself is behind the token, its parts are no secret.
        if head.path.isEmpty { try access.checkToken(head) }
        guard let file = PageFile.named(head.path.isEmpty ? "index.html" : head.path.joined(separator: "/")),
            head.path != ["index.html"]
        else { throw HTTPProblem(.notFound, "there is no such page") }
        return EntityTag(bytes: file.bytes).answer(head) {
            HTTPResponse(.ok, type: file.type, bytes: file.bytes)
        }
    }

    // MARK: The interface

    private func api(_ request: HTTPRequest, _ path: [String]) throws -> HTTPResponse {
        let head = request.head
        func isAsked(_ method: String, _ name: String, _ count: Int) -> Bool {
            path.first == name && path.count == count && (head.method == method)
        }
        if isAsked("GET", "info", 1) { return .json(info) }
        if isAsked("GET", "progress", 1) { return .json(progress(of: session(head))) }
        if isAsked("GET", "colormaps", 1) { return colorMaps(head) }
        if path.first == "media" { return try media(request, Array(path.dropFirst())) }
        if path.first == "jobs" { return try job(request, Array(path.dropFirst())) }
        if isAsked("GET", "command", 1) {
            let command = try ServedCommand(head, library: library, models: models)
            return .json(
                .object([.init("command", .string(command.line)), .init("name", .string(command.fileName))]))
        }
        if isAsked("POST", "live", 1) { return try live(request) }
        if path.first == "frames", path.count >= 3 {
            guard head.method == "GET" else {
                throw HTTPProblem(.methodNotAllowed, "frames are read with GET")
            }
            return try frame(request, Array(path.dropFirst()))
        }
        throw HTTPProblem(.notFound, "there is no such address")
    }

    /// Who asks: a tab of the browser, or a script.
    func session(_ head: HTTPHead) -> String { oneLine(head.header("vitvideo-session") ?? "", limit: 64) }

    private var info: JSONValue {
        let state = looker.state
        return .object([
            .init("version", .string(version)),
            .init("models", .array(models.all.map(\.description))),
            .init(
                "media",
                .array(
                    library.items.map {
                        .object([
                            .init("id", .string($0.id)), .init("name", .string($0.name)),
                            .init("upload", .bool($0.isUpload)),
                        ])
                    })),
            .init("colormaps", .array(ColorMap.all.map { .string($0.name) })),
            .init("upload_limit_bytes", .integer(library.limits.largestBytes)),
            .init("workers", .integer(looker.workers)), .init("threads", .integer(looker.threads)),
            .init("kept_bytes", .integer(state.bytes)),
            .init("passes", .integer(state.passes)), .init("tasks", .integer(state.tasks)),
        ])
    }

    private func progress(of session: String) -> JSONValue {
        let (running, waiting) = looker.progress(of: session)
        return .object([
            .init("running", running.map(JSONValue.number) ?? .null), .init("waiting", .integer(waiting)),
        ])
    }

    /// All tables, 256 × 3 bytes each, in the order of `info`.
    private func colorMaps(_ head: HTTPHead) -> HTTPResponse {
        EntityTag(["colormaps", version]).answer(head) {
            HTTPResponse(.ok, type: "application/octet-stream", bytes: ColorMap.all.flatMap(\.table))
        }
    }

    private func media(_ request: HTTPRequest, _ path: [String]) throws -> HTTPResponse {
        switch (request.head.method, path.count) {
        case ("POST", 0):
            let item = try library.add(request.body, name: request.head.item("name") ?? "upload")
            return .json(try item.description(), status: .created)
        case ("GET", 1): return .json(try library.item(path[0]).description())
        case ("DELETE", 1):
            try library.remove(path[0])
            return HTTPResponse(.noContent, type: "text/plain", bytes: [])
        case (_, 0...1): throw HTTPProblem(.methodNotAllowed, "media are read, uploaded and removed")
        default: throw HTTPProblem(.notFound, "there is no such address")
        }
    }

    private func job(_ request: HTTPRequest, _ path: [String]) throws -> HTTPResponse {
        switch (request.head.method, path.count) {
        case ("POST", 0):
            let command = try ServedCommand(request.head, library: library, models: models)
            return .json(try jobs.add(command).description, status: .created)
        case ("GET", 1): return .json(try jobs.job(path[0]).description)
        case ("DELETE", 1):
            try jobs.remove(path[0])
            return HTTPResponse(.noContent, type: "text/plain", bytes: [])
        case ("GET", 2) where path[1] == "result":
            let job = try jobs.job(path[0])
            guard job.phase == .done else { throw HTTPProblem(.conflict, "the job is \(job.phase.rawValue)") }
            return HTTPResponse(.ok, type: job.command.product.contentType, body: .file(path: job.path))
        case (_, 0...1): throw HTTPProblem(.methodNotAllowed, "jobs are made, read and removed")
        default: throw HTTPProblem(.notFound, "there is no such address")
        }
    }
}
