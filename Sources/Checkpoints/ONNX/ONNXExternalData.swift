import Base
import Files

/// Where an initializer whose values are not in the model says that they are.
struct ONNXExternalData {
    /// A path relative to the model's folder.
    private(set) var location = ""
    private(set) var offset = 0
    /// Nil where nothing is said.
    private(set) var length: Int?
    /// What is wrong with the entries; nil where nothing is.
    private(set) var problem: String?

    /// Takes in one `StringStringEntryProto` (1 key, 2 value). Keys that do not say where values lie are passed over.
    ///
    /// - Throws: `VitvideoError` where it is malformed.
    mutating func add(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>) throws {
        var texts = ["", ""]
        var fields = ProtobufFields(bytes, range)
        while let field = try fields.next() {
            guard let content = field.content, field.number == 1 || field.number == 2 else { continue }
            texts[field.number - 1] = try fields.text(content)
        }
        switch texts[0] {
        case "location": location = texts[1]
        case "offset", "length":
            guard let number = Int(texts[1]), number >= 0 else {
                problem = "the \(texts[0]) \(quoted(texts[1]))"
                return
            }
            if texts[0] == "offset" { offset = number } else { length = number }
        default: break
        }
    }
}
