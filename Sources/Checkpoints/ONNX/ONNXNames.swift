import Base
import Files

/// Gives the initializers of an exported PyTorch model the names of the parameters that they are.
///
/// PyTorch's exporters fold constants: a Linear layer's weight is stored transposed, as `onnx::MatMul_1972` by the old
/// exporter and as `val_12` by the new one, and of equal parameters one is stored for all. What is left of a
/// parameter's name is with the nodes that use it:
/// - the new exporter notes each node's module;
/// - the bias that is added next is seldom folded, and has its name: `blocks.0.attn.qkv.bias`;
/// - the old exporter names nodes by modules: `/blocks/blocks.0/attn/qkv/MatMul`.
/// What lies before the blocks, `ONNXEmbeddings` finds.
///
/// An attention module may use the weight of its queries, keys and values by itself. PyTorch's own has them with
/// `in_proj_bias`; timm joins the biases of queries and values with zeros for the keys, which is folded.
struct ONNXNames {
    /// A matrix product with an initializer, whose name is still to be found.
    private struct Product {
        let index: Int
        let isTransposed: Bool
        let module: String?
        let scopes: [Substring]
        /// The bias that is added to the product.
        var bias: String?
    }

    private let initializers: [ONNXInitializer]
    /// Initializers by the names that nodes use, aliases made by Identity nodes among them.
    private var indices: [String: Int]
    private var embeddings: ONNXEmbeddings
    /// Initializers that are no weights: sizes, axes and factors of nodes.
    private var constants: Set<Int> = []
    private var aliases: [(name: String, index: Int)] = []
    private var products: [Product] = []
    /// Products by the value that they compute.
    private var productOutputs: [String: Int] = [:]
    /// How many nodes use an initializer as a bias.
    private var biasUses: [String: Int] = [:]
    /// The nonlinearities of the feed-forward parts.
    private(set) var activations = ONNXActivations()

    /// - Throws: `VitvideoError` where two initializers have one name.
    init(_ initializers: [ONNXInitializer]) throws {
        self.initializers = initializers
        indices = Dictionary(minimumCapacity: initializers.count)
        for (index, initializer) in initializers.enumerated() {
            guard indices.updateValue(index, forKey: initializer.name) == nil else {
                throw VitvideoError.badData("two initialisers are named \(quoted(initializer.name))")
            }
        }
        embeddings = ONNXEmbeddings(initializers)
    }

    // MARK: Nodes

    /// Takes in the next node of the graph, which lists them so that producers come before users.
    mutating func add(_ node: ONNXNode) {
        embeddings.add(node, indices: indices)
        activations.add(node)
        for name in node.inputs where Self.isMadeUp(name) {
            if let index = indices[name], isConstant(index) { constants.insert(index) }
        }
        switch node.operation {
        case "Identity": addIdentity(node)
        case "MatMul": addProduct(node, isTransposed: true)
        case "Gemm":
            addProduct(node, isTransposed: !node.transposesSecond)
            if node.inputs.count > 2 {
                addBias(node.inputs[2], toProductOf: node.outputs.first, node)
                addAlias(node.inputs[2], "bias", node)
            }
        case "Add" where node.inputs.count == 2:
            addBias(node.inputs[0], toProductOf: node.inputs[1], node)
            addBias(node.inputs[1], toProductOf: node.inputs[0], node)
        case "LayerNormalization", "Conv":
            for (place, leaf) in [(1, "weight"), (2, "bias")] where place < node.inputs.count {
                addAlias(node.inputs[place], leaf, node)
            }
        case "Div", "Split":
            addFactors(node)
        case "Mul":
            addFactors(node)
            // LayerScale: one factor a channel.
            for name in node.inputs where rank(name) == 1 && !Self.isMadeUp(name) {
                addAlias(name, String(name.split(separator: ".").last ?? ""), node)
            }
        default: break
        }
    }

    /// What a rotation of queries and keys is computed with.
    private mutating func addFactors(_ node: ONNXNode) {
        for name in node.inputs where Self.isMadeUp(name) && !ONNXEmbeddings.ownNames.contains(name) {
            if let index = indices[name], initializers[index].description.shape.count > 1 {
                constants.insert(index)
            }
        }
    }

    /// Equal parameters are stored once; the old exporter makes the others copies under their own names.
    private mutating func addIdentity(_ node: ONNXNode) {
        guard node.inputs.count == 1, node.outputs.count == 1, let index = indices[node.inputs[0]],
            indices[node.outputs[0]] == nil
        else { return }
        indices[node.outputs[0]] = index
        if !Self.isAnonymous(node.outputs[0]), !node.outputs[0].hasPrefix("/") {
            aliases.append((node.outputs[0], index))
        }
    }

    private mutating func addProduct(_ node: ONNXNode, isTransposed: Bool) {
        guard node.inputs.count > 1, rank(node.inputs[1]) == 2, let index = indices[node.inputs[1]]
        else { return }
        var module = node.module
        if !Self.isMadeUp(node.inputs[1]) {
            // Optimizers transpose a weight in its place; the exporters do not use one so.
            guard isTransposed, node.inputs[1].hasSuffix(".weight") else { return }
            module = String(node.inputs[1].dropLast(".weight".count))
        }
        if let output = node.outputs.first { productOutputs[output] = products.count }
        products.append(
            Product(index: index, isTransposed: isTransposed, module: module, scopes: node.scopes))
    }

    private mutating func addBias(_ name: String, toProductOf output: String?, _ node: ONNXNode) {
        guard rank(name) == 1 else { return }
        biasUses[name, default: 0] += 1
        guard let output, let product = productOutputs[output] else { return }
        products[product].bias = name
        addAlias(name, "bias", node)
    }

    /// Equal parameters are stored once; the new exporter lets all modules use the first one's.
    private mutating func addAlias(_ used: String, _ leaf: String, _ node: ONNXNode) {
        // A module that computes with the parameters of those inside uses them under their names.
        guard let module = node.module, let index = indices[used], !used.hasPrefix(module + ".") else {
            return
        }
        aliases.append(("\(module).\(leaf)", index))
    }

    private func isConstant(_ index: Int) -> Bool {
        let description = initializers[index].description
        return !description.elementType.isFloatingPoint || description.elementCount == 1
    }

    private func rank(_ name: String) -> Int? {
        indices[name].map { initializers[$0].description.shape.count }
    }

    /// As `ONNXEmbeddings`.
    var hasFoldedPositions: Bool { embeddings.hasFoldedPositions }

    // MARK: Names

    /// All tensors: initializers with real names in the file's order, then those found through nodes, then what
    /// stayed anonymous. A name found twice stays with the first. Constants of nodes are left out.
    func tensors() -> [(name: String, origin: ONNXOrigin)] {
        var found = embeddings.found + foundProducts()
        // An initializer has a name of its own, or is what a node says it is.
        let renamed = Set(found.flatMap { $0.origin.parts })
        let divided = Set(
            found.compactMap { if case .third(let index, _) = $0.origin { index } else { nil } })
        found += aliases.filter { !divided.contains($0.index) }.map { ($0.name, .whole($0.index)) }
        var result: [(name: String, origin: ONNXOrigin)] = []
        var names: Set<String> = []
        var used: Set<Int> = []
        func present(_ name: String, _ origin: ONNXOrigin) {
            guard names.insert(name).inserted else { return }
            result.append((name, origin))
            used.formUnion(origin.parts)
        }
        for (index, initializer) in initializers.enumerated()
        where !Self.isAnonymous(initializer.name) && !renamed.contains(index) && !constants.contains(index) {
            present(initializer.name, .whole(index))
        }
        for (name, origin) in found { present(name, origin) }
        for (index, initializer) in initializers.enumerated()
        where !used.contains(index) && !constants.contains(index) {
            present(initializer.name, .whole(index))
        }
        return result
    }

    private func foundProducts() -> [(name: String, origin: ONNXOrigin)] {
        let modules = ONNXModules(of: initializers.map(\.name))
        return products.flatMap { product -> [(name: String, origin: ONNXOrigin)] in
            let origin: ONNXOrigin =
                product.isTransposed ? .transposed(product.index) : .whole(product.index)
            guard let module = module(of: product, modules), !module.isEmpty else { return [] }
            if product.bias?.hasSuffix(".in_proj_bias") == true {
                return [(module + ".in_proj_weight", origin)]
            }
            let shape = initializers[product.index].description.shape
            guard product.isTransposed, shape[1] == 3 * shape[0], modules.hasModules(inside: module) else {
                return [(module + ".weight", origin)]
            }
            let weight = (name: module + ".qkv.weight", origin: origin)
            guard let bias = product.bias, let index = indices[bias], Self.isMadeUp(bias),
                initializers[index].description.elementCount % 3 == 0
            else { return [weight] }
            return [
                weight, (module + ".q_bias", .third(index, part: 0)),
                (module + ".v_bias", .third(index, part: 2)),
            ]
        }
    }

    private func module(of product: Product, _ modules: ONNXModules) -> String? {
        if let module = product.module { return module }
        // A bias that several layers share says nothing about any of them.
        if let bias = product.bias, biasUses[bias] == 1 {
            for leaf in [".bias", ".in_proj_bias"] where bias.hasSuffix(leaf) {
                return String(bias.dropLast(leaf.count))
            }
        }
        return modules.path(of: product.scopes)
    }

    /// Whether a name is no parameter's: parameters of modules have a dot, and computed values of the old exporter a
    /// slash in front.
    static func isMadeUp(_ name: String) -> Bool { !name.contains(".") || name.hasPrefix("/") }

    /// Names that the exporters made up: `onnx::MatMul_1972`, plain numbers in older versions, and `val_12`.
    private static func isAnonymous(_ name: String) -> Bool {
        func isNumber(_ text: some StringProtocol) -> Bool {
            !text.isEmpty && text.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
        }
        return name.hasPrefix("onnx::") || isNumber(name)
            || name.hasPrefix("val_") && isNumber(name.dropFirst("val_".count))
    }
}
