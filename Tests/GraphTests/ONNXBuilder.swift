/// Writes small ONNX models: what an exporter would, and what none would.
/// https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
struct ONNXBuilder {
    enum Attribute {
        case integer(Int)
        case number(Float)
        case text(String)
        case integers([Int])
    }

    struct Node {
        var operation: String
        var inputs: [String]
        var outputs: [String]
        var attributes: [(String, Attribute)]
    }

    struct Tensor {
        enum Values {
            case numbers([Float])
            case integers([Int])
        }

        var name: String
        var sizes: [Int]
        var values: Values
    }

    var nodes: [Node] = []
    var tensors: [Tensor] = []
    var inputSizes: [Int]
    var output = ""

    init(height: Int, width: Int) { inputSizes = [1, 3, height, width] }

    /// Adds a step and gives its output's name.
    @discardableResult
    mutating func add(
        _ operation: String, _ inputs: [String], _ attributes: [(String, Attribute)] = []
    ) -> String {
        output = "v\(nodes.count)"
        nodes.append(Node(operation: operation, inputs: inputs, outputs: [output], attributes: attributes))
        return output
    }

    mutating func numbers(_ sizes: [Int], _ value: (Int) -> Float) -> String {
        let count = sizes.reduce(1, *)
        return tensor(sizes, .numbers((0..<count).map(value)))
    }

    mutating func integers(_ values: [Int]) -> String { tensor([values.count], .integers(values)) }

    private mutating func tensor(_ sizes: [Int], _ values: Tensor.Values) -> String {
        let name = "t\(tensors.count)"
        tensors.append(Tensor(name: name, sizes: sizes, values: values))
        return name
    }

    // MARK: Encoding

    func encoded() -> [UInt8] {
        var graph = Message()
        for node in nodes {
            var message = Message()
            for input in node.inputs { message.add(1, text: input) }
            for output in node.outputs { message.add(2, text: output) }
            message.add(3, text: node.operation.lowercased())
            message.add(4, text: node.operation)
            for (name, attribute) in node.attributes { message.add(5, Self.message(name, attribute)) }
            graph.add(1, message)
        }
        for tensor in tensors {
            var message = Message()
            for size in tensor.sizes { message.add(1, varint: size) }
            switch tensor.values {
            case .numbers(let values):
                message.add(2, varint: 1)
                message.add(
                    9,
                    bytes: values.flatMap {
                        Array(withUnsafeBytes(of: $0.bitPattern.littleEndian, Array.init))
                    })
            case .integers(let values):
                message.add(2, varint: 7)
                message.add(
                    9,
                    bytes: values.flatMap { Array(withUnsafeBytes(of: Int64($0).littleEndian, Array.init)) })
            }
            message.add(8, text: tensor.name)
            graph.add(5, message)
        }
        graph.add(11, Self.value("x", inputSizes))
        graph.add(12, Self.value(output, []))
        var operators = Message()
        operators.add(2, varint: 17)
        var model = Message()
        model.add(1, varint: 8)
        model.add(7, graph)
        model.add(8, operators)
        return model.bytes
    }

    private static func message(_ name: String, _ attribute: Attribute) -> Message {
        var message = Message()
        message.add(1, text: name)
        switch attribute {
        case .number(let value):
            message.add(2, number: value)
            message.add(20, varint: 1)
        case .integer(let value):
            message.add(3, varint: value)
            message.add(20, varint: 2)
        case .text(let text):
            message.add(4, text: text)
            message.add(20, varint: 3)
        case .integers(let values):
            for value in values { message.add(8, varint: value) }
            message.add(20, varint: 7)
        }
        return message
    }

    private static func value(_ name: String, _ sizes: [Int]) -> Message {
        var shape = Message()
        for size in sizes {
            var dimension = Message()
            dimension.add(1, varint: size)
            shape.add(1, dimension)
        }
        var tensor = Message()
        tensor.add(1, varint: 1)
        tensor.add(2, shape)
        var type = Message()
        type.add(1, tensor)
        var value = Message()
        value.add(1, text: name)
        value.add(2, type)
        return value
    }

    private struct Message {
        private(set) var bytes: [UInt8] = []

        mutating func add(_ field: Int, varint value: Int) {
            append(UInt64(field << 3))
            append(UInt64(bitPattern: Int64(value)))
        }

        mutating func add(_ field: Int, number: Float) {
            append(UInt64(field << 3 | 5))
            bytes += withUnsafeBytes(of: number.bitPattern.littleEndian, Array.init)
        }

        mutating func add(_ field: Int, bytes content: [UInt8]) {
            append(UInt64(field << 3 | 2))
            append(UInt64(content.count))
            bytes += content
        }

        mutating func add(_ field: Int, text: String) { add(field, bytes: Array(text.utf8)) }
        mutating func add(_ field: Int, _ message: Message) { add(field, bytes: message.bytes) }

        private mutating func append(_ value: UInt64) {
            var value = value
            while value >= 0x80 {
                bytes.append(UInt8(value & 0x7f) | 0x80)
                value >>= 7
            }
            bytes.append(UInt8(value))
        }
    }
}

extension ONNXBuilder {
    /// A transformer of one block over four windows of four patches of 4×4 pixels, with most kinds of operators that
    /// exporters write.
    static func windowed() -> ONNXBuilder {
        var model = ONNXBuilder(height: 16, width: 16)
        func wave(_ index: Int) -> Float { Float((index * 37 + 11) % 23) / 23 - 0.5 }
        let width = 8
        let filters = model.numbers([width, 3, 4, 4], wave)
        let bias = model.numbers([width], wave)
        let embedded = model.add(
            "Conv", ["x", filters, bias],
            [
                ("strides", .integers([4, 4])), ("kernel_shape", .integers([4, 4])),
                ("pads", .integers([0, 0, 0, 0])),
            ])
        // 1 × 8 × 4 × 4 to four windows of four tokens.
        let apart = model.integers([1, width, 2, 2, 2, 2])
        let cut = model.add("Reshape", [embedded, apart])
        let moved = model.add("Transpose", [cut], [("perm", .integers([0, 2, 4, 3, 5, 1]))])
        let together = model.integers([4, 4, -1])
        let tokens = model.add("Reshape", [moved, together])
        let gamma = model.numbers([width]) { 1 + wave($0) }
        let beta = model.numbers([width], wave)
        let normed = model.add(
            "LayerNormalization", [tokens, gamma, beta], [("axis", .integer(-1)), ("epsilon", .number(1e-5))])
        let weight = model.numbers([width, 3 * width], wave)
        let projected = model.add("MatMul", [normed, weight])
        let parts = model.integers([width, width, width])
        model.nodes.append(
            Node(
                operation: "Split", inputs: [projected, parts], outputs: ["q", "k", "v"],
                attributes: [("axis", .integer(2))]))
        let keys = model.add("Transpose", ["k"], [("perm", .integers([0, 2, 1]))])
        let scale = model.numbers([]) { _ in 0.35 }
        let scores = model.add("Mul", [model.add("MatMul", ["q", keys]), scale])
        let attention = model.add("Softmax", [scores], [("axis", .integer(-1))])
        let mixed = model.add("MatMul", [attention, "v"])
        let residual = model.add("Add", [tokens, mixed])
        let hidden = model.add("MatMul", [residual, model.numbers([width, 16], wave)])
        let root = model.numbers([]) { _ in 1.414_213_5 }
        let error = model.add("Erf", [model.add("Div", [hidden, root])])
        let one = model.numbers([]) { _ in 1 }
        let half = model.numbers([]) { _ in 0.5 }
        let active = model.add("Mul", [model.add("Mul", [hidden, model.add("Add", [error, one])]), half])
        let back = model.add("MatMul", [active, model.numbers([16, width], wave)])
        let out = model.add("Add", [residual, back])
        let axes = model.integers([0, 1])
        let mean = model.add(
            "ReduceMean",
            [
                model.add("Slice", [out, model.integers([0]), model.integers([4]), model.integers([0])]),
                axes,
            ], [("axes", .integers([0, 1])), ("keepdims", .integer(0))])
        let row = model.add("Unsqueeze", [mean, model.integers([0])])
        model.add(
            "Gemm", [row, model.numbers([5, width], wave), model.numbers([5], wave)],
            [("transB", .integer(1))])
        return model
    }

    /// Pictures through windows, pools and resizing to tokens, with a class token before them.
    static func pooled() -> ONNXBuilder {
        var model = ONNXBuilder(height: 16, width: 16)
        func wave(_ index: Int) -> Float { Float((index * 53 + 7) % 19) / 19 - 0.5 }
        let first = model.add(
            "Conv", ["x", model.numbers([4, 3, 3, 3], wave)],
            [
                ("strides", .integers([2, 2])), ("pads", .integers([1, 1, 1, 1])),
                ("kernel_shape", .integers([3, 3])),
            ])
        let deep = model.add(
            "Conv", [first, model.numbers([4, 1, 3, 3], wave), model.numbers([4], wave)],
            [("group", .integer(4)), ("pads", .integers([1, 1, 1, 1])), ("dilations", .integers([1, 1]))])
        let pooled = model.add(
            "MaxPool", [deep], [("kernel_shape", .integers([2, 2])), ("strides", .integers([2, 2]))])
        let grown = model.add(
            "Resize", [pooled, "", model.numbers([4]) { $0 < 2 ? 1 : 2 }],
            [("mode", .text("linear")), ("coordinate_transformation_mode", .text("half_pixel"))])
        let mean = model.add(
            "AveragePool", [grown],
            [
                ("kernel_shape", .integers([2, 2])), ("strides", .integers([2, 2])),
                ("ceil_mode", .integer(1)),
            ])
        let shape = model.add("Shape", [mean])
        let channels = model.add("Gather", [shape, model.integers([1])], [("axis", .integer(0))])
        let flat = model.add(
            "Concat", [model.integers([1]), channels, model.integers([-1])], [("axis", .integer(0))])
        let rows = model.add(
            "Transpose", [model.add("Reshape", [mean, flat])], [("perm", .integers([0, 2, 1]))])
        let token = model.numbers([1, 1, 4], wave)
        let tokens = model.add("Concat", [token, rows], [("axis", .integer(1))])
        let turned = model.add("Transpose", [tokens], [("perm", .integers([0, 2, 1]))])
        let attention = model.add(
            "Softmax", [model.add("MatMul", [tokens, turned])], [("axis", .integer(-1))])
        let mixed = model.add("MatMul", [attention, tokens])
        let padded = model.add("Pad", [mixed, model.integers([0, 1, 0, 0, 0, 0])])
        let chosen = model.add("Gather", [padded, model.integers([1])], [("axis", .integer(1))])
        let gate = model.add("Sigmoid", [chosen])
        let gated = model.add("Mul", [chosen, gate])
        let clipped = model.add("Clip", [gated, model.numbers([]) { _ in -1 }, model.numbers([]) { _ in 1 }])
        let wide = model.add("Expand", [clipped, model.integers([1, 2, 4])])
        model.add("ReduceL2", [wide], [("axes", .integers([1])), ("keepdims", .integer(0))])
        return model
    }
}
