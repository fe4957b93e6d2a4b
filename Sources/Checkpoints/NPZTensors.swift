import Base
import NumPy

/// The numeric arrays of a NumPy archive as tensors.
struct NPZTensors: TensorSource {
    let tensors: [(name: String, description: TensorDescription)]
    private let reader: NPZReader

    init(_ reader: NPZReader) throws {
        self.reader = reader
        var tensors: [(name: String, description: TensorDescription)] = []
        for name in reader.names {
            let header = try inArray(name) { try reader.header(name) }
            guard case .number(let type) = header.element else { continue }
            tensors.append((name, try TensorDescription(shape: header.shape, elementType: type)))
        }
        self.tensors = tensors
    }

    func floats(_ index: Int) throws -> [Float] {
        try reader.array(tensors[index].name).floats()
    }
}

/// Puts the array's name before a parser's reason.
private func inArray<Result>(_ name: String, _ body: () throws -> Result) throws -> Result {
    do { return try body() } catch let error as VitvideoError where error.path == nil {
        throw VitvideoError(
            error.kind, reason: "its array \(quoted(name)): \(error.reason)", nextStep: error.nextStep)
    }
}
