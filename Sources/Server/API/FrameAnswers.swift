import Base
import Files
import FoundationEssentials
import Methods
import NumPy
import Pixels
import Probing
import ViT
import VideoIO

/// What is asked of a frame: `/api/frames/MEDIA/NUMBER…`.
extension ServedProgram {
    /// - Parameter path: the media's name, the frame's number, and what of it is wanted.
    /// - Throws: `HTTPProblem`, `VitvideoError`, `Cancellation.Cancelled`.
    func frame(_ request: HTTPRequest, _ path: [String]) throws -> HTTPResponse {
        let head = request.head
        let item = try library.item(path[0])
        guard path.count <= 3, path[1].count <= 10, path[1].allSatisfy(\.isNumber), let index = Int(path[1])
        else {
            throw HTTPProblem(.notFound, "a frame has a number of 0 and above")
        }
        let what = path.count == 3 ? path[2] : ""
        if what == "picture.png" {
            return try EntityTag([item.stamp, "\(index)"]).answer(head) {
                HTTPResponse(
                    .ok, type: "image/png",
                    bytes: try StillImage.pngBytes(try looker.picture(item, index).image))
            }
        }
        let model = try models.model(head.item("model"))
        let client = PassClient(
            session: session(head), isBackground: head.item("background") != nil, isGone: request.isGone)
        if what == "entropy" {
            let nats = try looker.entropyNats(item, index, model, for: client)
            return .json(.object([.init("entropy_nats", .number(nats))]))
        }
        if what == "queries-keys" || what == "tokens" {
            // Many megabytes that are here anyway: not for the browser's disk.
            return try answer(what, of: try looker.record(item, index, model, for: client), head, model)
        }
        let tag = EntityTag(
            [version, item.stamp, model.stamp] + path + head.query.flatMap { [$0.name, $0.value] })
        return try tag.answer(head) {
            if what == "maps" {
                let maps = try looker.maps(item, index, model, try ChosenMethod(head), for: client)
                return Self.npy(maps.planes).with("vitvideo-maps", Self.ascii(maps.description.json))
            }
            return try answer(what, of: try looker.record(item, index, model, for: client), head, model)
        }
    }

    /// A part of what one pass has left.
    private func answer(
        _ what: String, of record: any FrameRecord, _ head: HTTPHead, _ model: any ServedModel
    ) throws -> HTTPResponse {
        switch what {
        case "": return .json(record.description)
        case "queries-keys":
            let (values, shape) = try record.queriesAndKeys(ofBlock: try layer(head, model))
            return Self.npy(values, shape)
        case "tokens":
            let (values, shape) = try record.tokens()
            return Self.npy(values, shape)
        case "attention":
            return Self.npy(
                try record.attention(of: try query(head, model), block: try layer(head, model)))
        default: throw HTTPProblem(.notFound, "there is no such address")
        }
    }

    /// Bytes that a picture of the moment may have.
    private static let largestLivePicture = 16 << 20

    /// What a query attends to in a picture of the moment: its bytes come, the maps go, nothing is kept.
    func live(_ request: HTTPRequest) throws -> HTTPResponse {
        let (head, model) = (request.head, try models.model(request.head.item("model")))
        let image = try library.passingPicture(try request.body.all(limit: Self.largestLivePicture))
        let client = PassClient(session: session(head), isGone: request.isGone)
        let record = try looker.passingRecord(
            of: image, key: UUID().uuidString, model, for: client)
        return Self.npy(try record.attention(of: try query(head, model), block: try layer(head, model)))
            .with("vitvideo-frame", Self.ascii(record.description.json))
    }

    private func layer(_ head: HTTPHead, _ model: any ServedModel) throws -> Int {
        guard let text = head.item("layer") else { return model.layers - 1 }
        guard let number = Int(text) else { throw HTTPProblem(.badRequest, "layer is a whole number") }
        return try blockIndex(number, depth: model.layers)
    }

    private func query(_ head: HTTPHead, _ model: any ServedModel) throws -> Query {
        try head.item("query").map { try Query(parsing: $0) } ?? model.standardQuery
    }

    // MARK: Forms

    /// `count × rows × columns`.
    static func npy(_ planes: [Plane]) -> HTTPResponse {
        npy(planes.flatMap(\.values), [planes.count, planes.first?.height ?? 0, planes.first?.width ?? 0])
    }

    static func npy(_ values: [Float], _ shape: [Int]) -> HTTPResponse {
        HTTPResponse(.ok, type: "application/octet-stream", bytes: NPYFile.bytes(of: values, shape: shape))
    }

    /// JSON as a header can hold it.
    static func ascii(_ json: String) -> String {
        json.utf16.map { unit in
            guard unit > 126 else { return String(UnicodeScalar(UInt8(unit))) }
            let digits = String(unit, radix: 16)
            return "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
        }.joined()
    }
}
