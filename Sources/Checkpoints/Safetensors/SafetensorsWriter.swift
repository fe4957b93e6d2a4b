import Base
import Files
import Foundation
import NumPy

/// Writing of safetensors.
package enum Safetensors {
    /// Writes Float32 tensors to a file that appears under its name only when it is complete (`AtomicFile`), and
    /// replaces what was there. Only its owner may write to it.
    ///
    /// - Parameters:
    ///   - tensors: values row-major, as many as the shape says.
    ///   - metadata: goes into `__metadata__`.
    /// - Throws: `VitvideoError` of kind `badData` where values and shape disagree or a name comes twice,
    ///   `cannotCreate` where the file cannot be made, `inputOutput` where writing fails (a full disk).
    package static func write(
        _ tensors: [(name: String, shape: [Int], values: [Float])], metadata: [String: String] = [:],
        to path: String
    ) throws {
        let header = try locating("write", path) { try encodedHeader(of: tensors, metadata: metadata) }
        let output = try AtomicFile(path, overwrite: true, permissions: 0o644, wording: .errno)
        try output.write(header)
        for tensor in tensors { try output.write(tensor.values) }
        try output.commit()
    }

    /// The length, then the JSON object, padded with spaces to a multiple of 8 as the reference does, so that the
    /// tensors lie aligned.
    private static func encodedHeader(
        of tensors: [(name: String, shape: [Int], values: [Float])], metadata: [String: String]
    ) throws -> [UInt8] {
        var members: [String] = []
        if !metadata.isEmpty {
            let pairs = metadata.sorted { $0.key < $1.key }.map { "\(json($0.key)):\(json($0.value))" }
            members.append("\"__metadata__\":{\(pairs.joined(separator: ","))}")
        }
        var offset = 0
        var names: Set<String> = ["__metadata__"]
        for tensor in tensors {
            let description = try TensorDescription(shape: tensor.shape, elementType: .float32)
            guard description.elementCount == tensor.values.count else {
                throw VitvideoError.badData(
                    "tensor \(quoted(tensor.name)) of \(description) has \(tensor.values.count) values")
            }
            guard names.insert(tensor.name).inserted else {
                throw VitvideoError.badData("two tensors are named \(quoted(tensor.name))")
            }
            let shape = tensor.shape.map(String.init).joined(separator: ",")
            let end = offset + description.byteCount
            members.append(
                "\(json(tensor.name)):{\"dtype\":\"F32\",\"shape\":[\(shape)],\"data_offsets\":[\(offset),\(end)]}"
            )
            offset = end
        }
        var text = Array("{\(members.joined(separator: ","))}".utf8)
        text.append(contentsOf: [UInt8](repeating: 0x20, count: (8 - text.count % 8) % 8))
        return withUnsafeBytes(of: UInt64(text.count).littleEndian) { Array($0) } + text
    }

    private static func json(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\u{0}"..<"\u{20}":
                let digits = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}
