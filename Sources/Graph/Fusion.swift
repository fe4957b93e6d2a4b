import Base
import ViT

extension Graph {
    /// The same model made ready to be computed: products with weights are packed for the library that multiplies them, with
    /// the bias that follows, and activations that exporters write out become one step again.
    ///
    /// - Throws: `VitvideoError.mathLibraryMissing`, `VitvideoError.mathLibraryFailed`.
    package func prepared() throws -> Graph {
        var fusion = try Fusion(self)
        return try fusion.run()
    }
}

private struct Fusion {
    private let source: Graph
    private var result: Graph
    /// What became of each tensor.
    private var values: [Value: Value] = [:]
    /// How many steps take each tensor.
    private var uses: [Int]

    init(_ source: Graph) throws {
        self.source = source
        result = try Graph(
            height: source.shape(source.picture)[2], width: source.shape(source.picture)[3])
        values[source.picture] = result.picture
        uses = [Int](repeating: 0, count: source.shapes.count)
        for node in source.nodes { for input in node.inputs { uses[input.index] += 1 } }
        if let output = source.output { uses[output.index] += 1 }
    }

    mutating func run() throws -> Graph {
        // What is part of a later step is not computed by itself.
        var steps: [Value: Step] = [:]
        var isPart = Set<Value>()
        for node in source.nodes.reversed() where !isPart.contains(node.output) {
            guard let step = step(node) else { continue }
            steps[node.output] = step
            isPart.formUnion(step.parts)
        }
        for node in source.nodes where !isPart.contains(node.output) {
            result.scope = node.scope
            values[node.output] = try compute(node, steps[node.output])
        }
        result.output = try source.output.map { try value($0) }
        result.scope = ""
        return result
    }

    private enum Step {
        case activation(UnaryFunction, of: Value, parts: [Value])
        case linear(of: Value, weight: Value, isTransposed: Bool, scale: Float, bias: Value?, parts: [Value])

        var parts: [Value] {
            switch self {
            case .activation(_, _, let parts), .linear(_, _, _, _, _, let parts): parts
            }
        }
    }

    private mutating func value(_ old: Value) throws -> Value {
        if let new = values[old] { return new }
        guard let parameter = source.parameter(old) else { preconditionFailure("steps are in order") }
        let new = result.addParameter(parameter, source.shape(old))
        values[old] = new
        return new
    }

    private mutating func compute(_ node: Graph.Node, _ step: Step?) throws -> Value {
        switch step {
        case nil:
            var inputs: [Value] = []
            for input in node.inputs { inputs.append(try value(input)) }
            return try result.apply(node.operation, inputs)
        case .activation(let function, let x, _): return try result.unary(function, value(x))
        case .linear(let x, let weight, let isTransposed, let scale, let bias, _):
            let x = try value(x)
            let layer = try PackedProduct(
                weight: outputsByInputs(weight, isTransposed: isTransposed, scale: scale),
                bias: biasValues(bias, outputs: node.operation.shape.sizes.last ?? 0),
                inputs: source.shape(weight)[isTransposed ? 1 : 0],
                outputs: source.shape(weight)[isTransposed ? 0 : 1])
            return try result.apply(PackedLinear(result.shape(x), layer), [x])
        }
    }

    private func outputsByInputs(_ weight: Value, isTransposed: Bool, scale: Float) -> [Float] {
        guard var values = source.parameter(weight) else { preconditionFailure("a weight is a parameter") }
        if !isTransposed {
            let (inputs, outputs) = (source.shape(weight)[0], source.shape(weight)[1])
            values = [Float](unsafeUninitializedCapacity: values.count) { out, count in
                for o in 0..<outputs { for i in 0..<inputs { out[o * inputs + i] = values[i * outputs + o] } }
                count = inputs * outputs
            }
        }
        return scale == 1 ? values : values.map { $0 * scale }
    }

    private func biasValues(_ bias: Value?, outputs: Int) -> [Float] {
        guard let values = bias.flatMap({ source.parameter($0) }) else {
            return [Float](repeating: 0, count: outputs)
        }
        return values.count == outputs ? values : [Float](repeating: values[0], count: outputs)
    }

    // MARK: Finding

    private func step(_ node: Graph.Node) -> Step? {
        gelu(node) ?? swish(node) ?? biasedLinear(node) ?? linear(node)
    }

    private func operands(_ node: Graph.Node?, _ function: BinaryFunction) -> [Value]? {
        guard let node, let binary = node.operation as? Binary, binary.function == function else {
            return nil
        }
        return node.inputs
    }

    private func operand(_ node: Graph.Node?, _ function: UnaryFunction) -> Value? {
        guard let node, let unary = node.operation as? Unary, unary.function == function else { return nil }
        return node.inputs[0]
    }

    /// The single number that a tensor is; nil where it is none.
    private func number(_ value: Value) -> Float? {
        source.parameter(value).flatMap { $0.count == 1 ? $0[0] : nil }
    }

    /// Of a commutative step the operand that is not that number.
    private func other(_ inputs: [Value]?, than wanted: Float) -> Value? {
        guard let inputs else { return nil }
        for (a, b) in [(0, 1), (1, 0)] {
            if let value = number(inputs[b]), abs(value - wanted) < 1e-5 { return inputs[a] }
        }
        return nil
    }

    private func isOnlyUse(_ value: Value) -> Bool { uses[value.index] == 1 }

    /// x · (1 + erf(x / √2)) · 0.5, in the two orders in which it is written.
    private func gelu(_ node: Graph.Node) -> Step? {
        guard let product = operands(node, .multiply) else { return nil }
        // (x · e) · 0.5
        if let inner = other(product, than: 0.5), isOnlyUse(inner),
            let factors = operands(source.node(of: inner), .multiply)
        {
            for (x, e) in [(factors[0], factors[1]), (factors[1], factors[0])] {
                if let parts = errorFunctionParts(e, of: x) {
                    return .activation(.gelu, of: x, parts: [inner] + parts)
                }
            }
        }
        // (0.5 · x) · e
        for (half, e) in [(product[0], product[1]), (product[1], product[0])] {
            if let x = other(operands(source.node(of: half), .multiply), than: 0.5), isOnlyUse(half),
                let parts = errorFunctionParts(e, of: x)
            {
                return .activation(.gelu, of: x, parts: [half] + parts)
            }
        }
        return nil
    }

    /// What makes up 1 + erf(x / √2); nil where a value is not that.
    private func errorFunctionParts(_ value: Value, of x: Value) -> [Value]? {
        guard isOnlyUse(value), let erf = other(operands(source.node(of: value), .add), than: 1),
            isOnlyUse(erf),
            let scaled = operand(source.node(of: erf), .errorFunction), isOnlyUse(scaled)
        else { return nil }
        let node = source.node(of: scaled)
        if other(operands(node, .multiply), than: 0.707_106_77) == x { return [value, erf, scaled] }
        guard let quotient = operands(node, .divide), quotient[0] == x, let divisor = number(quotient[1]),
            abs(divisor - 1.414_213_5) < 1e-5
        else { return nil }
        return [value, erf, scaled]
    }

    /// x · σ(x).
    private func swish(_ node: Graph.Node) -> Step? {
        guard let factors = operands(node, .multiply) else { return nil }
        for (x, gate) in [(factors[0], factors[1]), (factors[1], factors[0])] {
            if isOnlyUse(gate), operand(source.node(of: gate), .sigmoid) == x {
                return .activation(.silu, of: x, parts: [gate])
            }
        }
        return nil
    }

    private func linear(_ node: Graph.Node?) -> Step? {
        guard let node, let product = node.operation as? MatMul, source.parameter(node.inputs[1]) != nil,
            source.shape(node.inputs[1]).rank == 2, source.shape(node.inputs[1]).count > 0,
            source.parameter(node.inputs[0]) == nil
        else { return nil }
        return .linear(
            of: node.inputs[0], weight: node.inputs[1], isTransposed: product.transposesY,
            scale: product.scale,
            bias: nil, parts: [])
    }

    private func biasedLinear(_ node: Graph.Node) -> Step? {
        guard let terms = operands(node, .add) else { return nil }
        for (product, bias) in [(terms[0], terms[1]), (terms[1], terms[0])] {
            guard isOnlyUse(product), let values = source.parameter(bias),
                case .linear(let x, let weight, let isTransposed, let scale, _, _)? =
                    linear(source.node(of: product)),
                source.shape(product) == node.operation.shape, let width = node.operation.shape.sizes.last,
                values.count == 1 || values.count == width && source.shape(bias).sizes.last == width
            else { continue }
            return .linear(
                of: x, weight: weight, isTransposed: isTransposed, scale: scale, bias: bias, parts: [product])
        }
        return nil
    }
}
