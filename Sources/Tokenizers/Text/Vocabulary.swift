import Base
import Files

/// The ids of pieces, by their bytes in UTF-8.
struct Vocabulary: Sendable {
    private var ids: [[UInt8]: Int] = [:]
    /// One more than the largest id.
    private(set) var count = 0

    init() {}

    /// What `vocab.json` and the `vocab` of a tokenizer of pairs hold: an object of pieces with their ids.
    ///
    /// - Throws: `VitvideoError` where it is something else.
    init(_ json: JSONValue?) throws {
        guard let members = json?.members else {
            throw VitvideoError.badData("it holds no vocabulary of pieces with their ids")
        }
        ids.reserveCapacity(members.count)
        for member in members {
            guard let id = member.value.integer, (0..<Self.largest).contains(id) else {
                throw VitvideoError.badData("the piece \(quoted(member.name)) has no id")
            }
            add(Array(member.name.utf8), id)
        }
    }

    /// No published vocabulary is near it.
    private static let largest = 1 << 24

    mutating func add(_ piece: [UInt8], _ id: Int) {
        ids[piece] = id
        count = max(count, id + 1)
    }

    subscript(_ piece: [UInt8]) -> Int? { ids[piece] }

    subscript(_ piece: String) -> Int? { ids[Array(piece.utf8)] }

    /// The ids of a text's bytes under the names that stand for single bytes, "<0x0A>"; nil where one is missing.
    func bytes(of text: [UInt8]) -> [Int]? {
        var found: [Int] = []
        for byte in text {
            guard let id = self[Self.name(of: byte)] else { return nil }
            found.append(id)
        }
        return found
    }

    private static func name(of byte: UInt8) -> String {
        let digits = String(byte, radix: 16, uppercase: true)
        return "<0x" + (digits.count == 1 ? "0" : "") + digits + ">"
    }
}
