import Base
import Files
import Glibc
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
        let header = try locating("write", path) {
            let described = try tensors.map { tensor in
                let description = try TensorDescription(shape: tensor.shape, elementType: .float32)
                guard description.elementCount == tensor.values.count else {
                    throw VitvideoError.badData(
                        "tensor \(quoted(tensor.name)) of \(description) has \(tensor.values.count) values")
                }
                return (tensor.name, description)
            }
            return try encodedHeader(of: described, metadata: metadata)
        }
        let output = try AtomicFile(path, overwrite: true, permissions: 0o644, wording: .errno)
        try output.write(header)
        for tensor in tensors { try output.write(tensor.values) }
        try output.commit()
    }

    /// What a file begins with, before the tensors' bytes in that order without gaps: the length, then the JSON object,
    /// padded with spaces to a multiple of 8 as the reference does, so that the tensors lie aligned.
    ///
    /// - Throws: `VitvideoError` without a path where a name comes twice.
    package static func encodedHeader(
        of tensors: [(name: String, description: TensorDescription)], metadata: [String: String]
    ) throws -> [UInt8] {
        let json = JSONValue.quoted
        var members: [String] = []
        if !metadata.isEmpty {
            let pairs = metadata.sorted { $0.key < $1.key }.map { "\(json($0.key)):\(json($0.value))" }
            members.append("\"__metadata__\":{\(pairs.joined(separator: ","))}")
        }
        var offset = 0
        var names: Set<String> = ["__metadata__"]
        for (name, description) in tensors {
            guard names.insert(name).inserted else {
                throw VitvideoError.badData("two tensors are named \(quoted(name))")
            }
            let shape = description.shape.map(String.init).joined(separator: ",")
            let end = offset + description.byteCount
            members.append(
                "\(json(name)):{\"dtype\":\"\(description.elementType.safetensorsName)\",\"shape\":[\(shape)],"
                    + "\"data_offsets\":[\(offset),\(end)]}")
            offset = end
        }
        var text = Array("{\(members.joined(separator: ","))}".utf8)
        text.append(contentsOf: [UInt8](repeating: 0x20, count: (8 - text.count % 8) % 8))
        return withUnsafeBytes(of: UInt64(text.count).littleEndian) { Array($0) } + text
    }
}
