import Base
import Checkpoints
import Files

// Operators whose results are integers: shapes, indices, conditions.

extension ONNXImport {
    static let integerRules: [String: Rule] = [
        "Constant": { try $0.constant() },
        "ConstantOfShape": { try $0.constantOfShape() },
        "Shape": { try $0.shapeOfInput() },
        "Size": { reader in
            switch try reader.input(0) {
            case .tensor(let value): reader.output(try Integers(reader.graph.shape(value).count))
            case .integers(let integers): reader.output(try Integers(integers.shape.count))
            }
        },
        "Range": { try $0.range() },
        "NonZero": { try $0.nonZero() },
        "Equal": { try $0.compare { $0 == $1 } },
        "Less": { try $0.compare { $0 < $1 } },
        "LessOrEqual": { try $0.compare { $0 <= $1 } },
        "Greater": { try $0.compare { $0 > $1 } },
        "GreaterOrEqual": { try $0.compare { $0 >= $1 } },
        "And": { try $0.compareIntegers { $0 != 0 && $1 != 0 } },
        "Or": { try $0.compareIntegers { $0 != 0 || $1 != 0 } },
        "Xor": { try $0.compareIntegers { ($0 != 0) != ($1 != 0) } },
        "Not": { reader in
            let x = try reader.integers(0)
            reader.output(Integers(x.shape, x.values.map { $0 == 0 ? 1 : 0 }))
        },
        "Mod": { reader in
            let x = try reader.integers(0)
            reader.output(
                try x.combined(reader.integers(1)) {
                    guard $1 != 0 else { throw VitvideoError.badData("a division by 0") }
                    // Python's: the divisor's sign.
                    let rest = $0 % $1
                    return rest != 0 && (rest < 0) != ($1 < 0) ? rest + $1 : rest
                })
        },
        "ReduceProd": { reader in
            let x = try reader.integers(0)
            var product = 1
            for value in x.values {
                product = try Self.checked(product.multipliedReportingOverflow(by: value))
            }
            reader.output(try reader.integer("keepdims") == 0 ? Integers(product) : Integers([product]))
        },
    ]

    private mutating func constant() throws {
        for (name, attribute) in node.attributes {
            switch (name, attribute) {
            case ("value", .tensor(let tensor)): return try output(tensor)
            case ("value_int", .integer(let value)): return output(try Integers(value))
            case ("value_ints", .integers(let values)): return output(try Integers(values))
            case ("value_float", .number(let value)):
                return output(graph.addParameter([value], try Shape([])))
            case ("value_floats", .numbers(let values)):
                return output(graph.addParameter(values, try Shape([values.count])))
            default: continue
            }
        }
        throw VitvideoError.badData("a constant without a value")
    }

    private mutating func constantOfShape() throws {
        let shape = try Shape(integers(0).values)
        try Integers.check(shape)
        guard case .tensor(let tensor)? = node.attributes["value"] else {
            return output(graph.addParameter([Float](repeating: 0, count: shape.count), shape))
        }
        switch tensor.values {
        case .numbers(let values):
            output(graph.addParameter([Float](repeating: values.first ?? 0, count: shape.count), shape))
        case .integers(let values):
            output(Integers(shape, [Int](repeating: values.first ?? 0, count: shape.count)))
        }
    }

    private mutating func shapeOfInput() throws {
        let sizes: [Int]
        switch try input(0) {
        case .tensor(let value): sizes = graph.shape(value).sizes
        case .integers(let integers): sizes = integers.shape.sizes
        }
        func place(_ name: String, _ standard: Int) -> Int {
            let index = integer(name) ?? standard
            return min(max(index < 0 ? index + sizes.count : index, 0), sizes.count)
        }
        let (start, end) = (place("start", 0), place("end", sizes.count))
        output(try Integers(Array(sizes[start..<max(start, end)])))
    }

    private mutating func range() throws {
        if try takesIntegers() {
            let (start, limit, step) = (
                try integers(0).single, try integers(1).single, try integers(2).single
            )
            guard step != 0, abs(start) < 1 << 40, abs(limit) < 1 << 40,
                abs(limit - start) / abs(step) < 1 << 24
            else {
                throw VitvideoError.badData("a range from \(start) to \(limit) by \(step)")
            }
            return output(try Integers(Array(stride(from: start, to: limit, by: step))))
        }
        let (start, limit, step) = (try numbers(0), try numbers(1), try numbers(2))
        guard let first = start.first, let past = limit.first, let by = step.first, by != 0,
            ((past - first) / by).magnitude < 16_777_216
        else { throw VitvideoError.badData("a range of no length") }
        let count = max(0, Int(((past - first) / by).rounded(.up)))
        let values = (0..<count).map { first + Float($0) * by }
        output(graph.addParameter(values, try Shape([count])))
    }

    private mutating func nonZero() throws {
        let x = try integers(0)
        let strides = x.shape.strides
        let places = x.values.indices.filter { x.values[$0] != 0 }
        let values = (0..<x.shape.rank).flatMap { axis in
            places.map { $0 / strides[axis] % x.shape[axis] }
        }
        output(Integers(try Shape([x.shape.rank, places.count]), values))
    }

    private mutating func compareIntegers(_ holds: (Int, Int) -> Bool) throws {
        let x = try integers(0)
        output(try x.combined(integers(1)) { holds($0, $1) ? 1 : 0 })
    }

    private mutating func compare(_ holds: (Double, Double) -> Bool) throws {
        if try takesIntegers() { return try compareIntegers { holds(Double($0), Double($1)) } }
        // Of numbers that do not depend on the picture: compared as they are, a condition comes out.
        let (a, b) = (try tensor(0), try tensor(1))
        let (x, y) = (try numbers(0), try numbers(1))
        let shape = try Shape.broadcast(graph.shape(a), graph.shape(b))
        var values: [Int] = []
        PairedLines(shape, graph.shape(a), graph.shape(b)).forEachValue {
            values.append(holds(Double(x[$0]), Double(y[$1])) ? 1 : 0)
        }
        output(Integers(shape, values))
    }

    static func checked(_ result: (partialValue: Int, overflow: Bool)) throws -> Int {
        if result.overflow { throw VitvideoError.badData("an integer beyond 64 bits") }
        return result.partialValue
    }
}
