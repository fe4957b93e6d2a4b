import Base
import Files

/// Gives the anonymous initializers of an exported PyTorch model their names back.
///
/// PyTorch's exporter folds constants: a Linear layer's weight is stored transposed as `onnx::MatMul_1972`, and a
/// position table sliced in the forward pass as `onnx::Concat_1957` (class token) and `onnx::Reshape_1962`
/// (patches). What is left of the module's name is in the name of the node that uses the value:
/// `/backbone/encoder/layer.0/attention/attention/query/MatMul`.
struct ONNXNames {
    /// A tensor as it is presented, made of one or two initializers.
    enum Origin: Sendable, Equatable {
        case whole(Int)
        /// Stored (in, out), presented (out, in) as PyTorch keeps it.
        case transposed(Int)
        /// Joined along the tokens.
        case joined(classToken: Int, patches: Int)
    }

    private let initializers: [ONNXInitializer]
    /// Initializers by the names that nodes use, aliases made by Identity nodes among them.
    private var indices: [String: Int]
    /// Presented names in the order found, with what they are made of.
    private(set) var found: [(name: String, origin: Origin)] = []
    /// Halves of position tables by the scope of the node that uses them.
    private var classTokens: [String: Int] = [:]
    private var patches: [(scope: String, index: Int)] = []

    /// - Throws: `VitvideoError` where two initializers have one name.
    init(_ initializers: [ONNXInitializer]) throws {
        self.initializers = initializers
        indices = Dictionary(minimumCapacity: initializers.count)
        for (index, initializer) in initializers.enumerated() {
            guard indices.updateValue(index, forKey: initializer.name) == nil else {
                throw VitvideoError.badData("two initialisers are named \(quoted(initializer.name))")
            }
        }
    }

    /// Takes in the next node of the graph, which lists them so that producers come before users.
    mutating func add(_ node: ONNXNodeProto) {
        switch node.opType {
        case "Identity":
            // Equal parameters are stored once; the others are copies under their own names.
            guard node.input.count == 1, node.output.count == 1, let index = indices[node.input[0]],
                indices[node.output[0]] == nil
            else { return }
            indices[node.output[0]] = index
            if !Self.isAnonymous(node.output[0]), !node.output[0].hasPrefix("/") {
                found.append((node.output[0], .whole(index)))
            }
        case "MatMul":
            guard node.input.count == 2, let index = anonymous(node.input[1]), shape(index).count == 2 else {
                return
            }
            let scope = Self.scope(node.name)
            if !scope.isEmpty { found.append((scope + ".weight", .transposed(index))) }
        case "Concat":
            guard let first = node.input.first, let index = anonymous(first), Self.isClassToken(shape(index))
            else {
                return
            }
            classTokens[Self.scope(node.name)] = index
        case "Reshape":
            guard let first = node.input.first, let index = anonymous(first), shape(index).count == 3 else {
                return
            }
            patches.append((Self.scope(node.name), index))
        default: break
        }
    }

    /// All tensors: initializers with real names in the file's order, then those found through nodes, then what
    /// stayed anonymous. A name found twice stays with the first.
    func tensors() -> [(name: String, origin: Origin)] {
        var result: [(name: String, origin: Origin)] = []
        var names: Set<String> = []
        var used: Set<Int> = []
        func present(_ name: String, _ origin: Origin, _ parts: [Int]) {
            guard names.insert(name).inserted else { return }
            result.append((name, origin))
            used.formUnion(parts)
        }
        for (index, initializer) in initializers.enumerated() where !Self.isAnonymous(initializer.name) {
            present(initializer.name, .whole(index), [index])
        }
        for (scope, patches) in patches {
            guard let classToken = classTokens[scope], shape(classToken)[2] == shape(patches)[2],
                shape(patches)[0] == 1
            else { continue }
            let name =
                scope.hasSuffix("embeddings")
                ? scope + ".position_embeddings" : scope.isEmpty ? "pos_embed" : scope + ".pos_embed"
            present(name, .joined(classToken: classToken, patches: patches), [classToken, patches])
        }
        for (name, origin) in found {
            switch origin {
            case .whole(let index), .transposed(let index): present(name, origin, [index])
            case .joined: break
            }
        }
        for (index, initializer) in initializers.enumerated() where !used.contains(index) {
            present(initializer.name, .whole(index), [index])
        }
        return result
    }

    private func shape(_ index: Int) -> [Int] { initializers[index].description.shape }

    private func anonymous(_ name: String) -> Int? {
        Self.isAnonymous(name) ? indices[name] : nil
    }

    private static func isClassToken(_ shape: [Int]) -> Bool {
        shape.count == 3 && shape[0] == 1 && shape[1] == 1
    }

    /// Names that the exporter made up: `onnx::MatMul_1972`, and plain numbers in older versions.
    private static func isAnonymous(_ name: String) -> Bool {
        name.hasPrefix("onnx::")
            || !name.isEmpty && name.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
    }

    /// The module that a node belongs to: `/encoder/layer.0/fc1/MatMul` gives `encoder.layer.0.fc1`.
    private static func scope(_ node: String) -> String {
        node.split(separator: "/").dropLast().joined(separator: ".")
    }
}
