import Base
import Checkpoints
import Files

// Operators that compute value by value, or one of several values.

extension ONNXImport {
    static let arithmeticRules: [String: Rule] = [
        "Add": { try $0.combine(.add) { $0.addingReportingOverflow($1) } },
        "Sub": { try $0.combine(.subtract) { $0.subtractingReportingOverflow($1) } },
        "Mul": { try $0.combine(.multiply) { $0.multipliedReportingOverflow(by: $1) } },
        "Div": { try $0.combine(.divide) { $0.dividedReportingOverflow(by: $1) } },
        "Min": { try $0.combineAll(.minimum, min) },
        "Max": { try $0.combineAll(.maximum, max) },
        "Sum": { try $0.combineAll(.add, &+) },
        "Pow": { try $0.power() },
        "Neg": { try $0.unary(.negate) { 0 - $0 } },
        "Abs": { try $0.unary(.absolute) { abs($0) } },
        "Floor": { try $0.unary(.floor) { $0 } },
        "Ceil": { try $0.unary(.ceiling) { $0 } },
        "Exp": { try $0.unary(.exponential) },
        "Log": { try $0.unary(.logarithm) },
        "Sqrt": { try $0.unary(.squareRoot) },
        "Reciprocal": { try $0.unary(.reciprocal) },
        "Sin": { try $0.unary(.sine) },
        "Cos": { try $0.unary(.cosine) },
        "Erf": { try $0.unary(.errorFunction) },
        "Tanh": { try $0.unary(.tanh) },
        "Sigmoid": { try $0.unary(.sigmoid) },
        "Softplus": { try $0.unary(.softplus) },
        "Relu": { try $0.unary(.relu) },
        "Swish": { try $0.unary(.logistic(linear: $0.number("alpha") ?? 1, cubic: 0)) },
        "LeakyRelu": { try $0.unary(.leakyRelu($0.number("alpha") ?? 0.01)) },
        "Elu": { try $0.unary(.elu($0.number("alpha") ?? 1)) },
        "HardSwish": { try $0.unary(.hardSwish) },
        "HardSigmoid": {
            try $0.unary(.hardSigmoid(slope: $0.number("alpha") ?? 0.2, shift: $0.number("beta") ?? 0.5))
        },
        "Gelu": { try $0.unary($0.text("approximate") == "tanh" ? .geluTanh : .gelu) },
        "Clip": { reader in
            let least = reader.hasInput(1) ? try reader.numbers(1).first : reader.number("min")
            let most = reader.hasInput(2) ? try reader.numbers(2).first : reader.number("max")
            try reader.unary(.clip(least ?? -.infinity, most ?? .infinity)) {
                min(
                    max($0, least.flatMap { try? integer($0) } ?? .min),
                    most.flatMap { try? integer($0) } ?? .max)
            }
        },
        "Where": { try $0.choose() },
        "ReduceMean": { try $0.reduce(.mean) },
        "ReduceSum": { try $0.reduce(.sum) },
        "ReduceMax": { try $0.reduce(.maximum) },
        "ReduceMin": { try $0.reduce(.minimum) },
        "ReduceL2": { try $0.reduce(.norm) },
        "ReduceSumSquare": { try $0.reduce(.sumOfSquares) },
        "Softmax": { reader in
            let x = try reader.tensor(0)
            // Before version 13 everything from the axis on was one.
            if reader.operatorSet < 13 {
                let shape = reader.graph.shape(x)
                let axis = try shape.axis(reader.integer("axis") ?? 1)
                let flat = try reader.graph.reshape(
                    x, [shape.count(of: 0..<axis), shape.count(of: axis..<shape.rank)])
                return reader.output(try reader.graph.reshape(try reader.graph.softmax(flat), shape.sizes))
            }
            reader.output(try reader.graph.softmax(x, axis: reader.integer("axis") ?? -1))
        },
    ]

    private mutating func combine(
        _ function: BinaryFunction, _ integerFunction: (Int, Int) -> (partialValue: Int, overflow: Bool)
    ) throws {
        if try takesIntegers() {
            let x = try integers(0)
            return output(try x.combined(integers(1)) { try Self.checked(integerFunction($0, $1)) })
        }
        let x = try tensor(0)
        output(try graph.binary(function, x, tensor(1)))
    }

    private mutating func combineAll(_ function: BinaryFunction, _ integerFunction: (Int, Int) -> Int) throws
    {
        if try takesIntegers() {
            var result = try integers(0)
            for index in node.inputs.indices.dropFirst() {
                result = try result.combined(integers(index)) { integerFunction($0, $1) }
            }
            return output(result)
        }
        var result = try tensor(0)
        for index in node.inputs.indices.dropFirst() {
            result = try graph.binary(function, result, tensor(index))
        }
        output(result)
    }

    private mutating func power() throws {
        let x = try tensor(0)
        if let values = try? numbers(1), values.count == 1 {
            return output(try graph.unary(values[0] == 0.5 ? .squareRoot : .power(values[0]), x))
        }
        output(try graph.binary(.power, x, tensor(1)))
    }

    private mutating func unary(_ function: UnaryFunction, _ integerFunction: ((Int) -> Int)? = nil) throws {
        if let integerFunction, case .integers(let x) = try input(0) {
            return output(Integers(x.shape, x.values.map(integerFunction)))
        }
        output(try graph.unary(function, tensor(0)))
    }

    private mutating func choose() throws {
        let condition = try integers(0)
        if case .integers(let x) = try input(1), case .integers(let y) = try input(2) {
            // c·x + (1 − c)·y, stretched as the three are.
            let either = try condition.combined(x) { $0 != 0 ? $1 : 0 }
            let other = try condition.combined(y) { $0 != 0 ? 0 : $1 }
            return output(try either.combined(other) { try Self.checked($0.addingReportingOverflow($1)) })
        }
        let (x, y) = (try tensor(1), try tensor(2))
        output(
            try graph.apply(
                Where(condition.values.map { $0 != 0 }, condition.shape, graph.shape(x), graph.shape(y)),
                [x, y]))
    }

    private mutating func reduce(_ function: ReduceFunction) throws {
        let x = try tensor(0)
        let shape = graph.shape(x)
        let given = try axes(input: 1)
        if given?.isEmpty ?? true, integer("noop_with_empty_axes") == 1 { return output(x) }
        let axes =
            try (given ?? []).isEmpty
            ? Array(0..<shape.rank) : Set(given!.map { try shape.axis($0) }).sorted()
        let reduced = try graph.reduce(function, x, axes: axes)
        if integer("keepdims") ?? 1 == 1 { return output(reduced) }
        output(
            try graph.reshape(reduced, shape.sizes.indices.filter { !axes.contains($0) }.map { shape[$0] }))
    }
}
