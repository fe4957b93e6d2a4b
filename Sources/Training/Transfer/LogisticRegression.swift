import Base
import CKernels
import Checkpoints
import Files
import Glibc
import ViT

/// Multinomial logistic regression on features, to convergence: what is minimized over weights W and biases b is
///
///     J = 1/n · Σ −log softmax(W·x + b)[label] + λ/2 · ‖W‖²,  λ = 1 / (C · n)
///
/// as scikit-learn's `LogisticRegression(C)` has it (times C·n there). J is strictly convex in W, so that the result
/// depends on the pictures alone; it is found by L-BFGS (Liu & Nocedal 1989) with steps that meet Armijo's condition.
package struct LogisticRegression: Sendable {
    /// Inverse strength of the regularization.
    package var c = 1.0
    /// The largest component of the gradient at which it has converged.
    package var tolerance = 1e-5
    package var mostIterations = 1000
    /// Pairs of steps and gradients that the inverse Hessian is estimated from.
    private static let memory = 10

    package init() {}

    /// A fitted classifier.
    package struct Fit: Sendable {
        /// `classes × features`.
        package let weight: [Float]
        /// `classes`.
        package let bias: [Float]
        package let iterations: Int
        /// The largest component of the gradient.
        package let gradient: Double
        package let isConverged: Bool
    }

    /// - Parameter iteration: called after each with its number and J.
    /// - Throws: `VitvideoError` of kind `badData` where a feature is not finite or a label is no class,
    ///   `VitvideoError.mathLibraryMissing`, `Cancellation.Cancelled`.
    package func fit(
        _ features: FrozenFeatures, classes: Int, iteration: (Int, Double) throws -> Void = { _, _ in }
    ) throws -> Fit {
        guard features.count > 0, features.values.allSatisfy(\.isFinite) else {
            throw VitvideoError.badData("the features of the pictures are not finite numbers")
        }
        guard features.labels.allSatisfy({ (0..<classes).contains(Int($0)) }) else {
            throw VitvideoError.badData("a picture's label is none of the \(classes) classes")
        }
        let objective = try Objective(features, classes: classes, lambda: 1 / (c * Double(features.count)))
        var x = [Double](repeating: 0, count: classes * (features.width + 1))
        var (value, gradient) = objective(x)
        var steps: [(s: [Double], y: [Double], scale: Double)] = []
        var iterations = 0
        while largest(gradient) > tolerance, iterations < mostIterations {
            try Cancellation.check()
            let direction = Self.direction(gradient, steps)
            let slope = dot(direction, gradient)
            var length = steps.isEmpty ? 1 / max(dot(gradient, gradient).squareRoot(), 1) : 1
            var next = x
            var (nextValue, nextGradient) = (Double.infinity, gradient)
            var halvings = 0
            while halvings < 40 {
                for i in x.indices { next[i] = x[i] + length * direction[i] }
                (nextValue, nextGradient) = objective(next)
                if nextValue <= value + 1e-4 * length * slope { break }
                length /= 2
                halvings += 1
            }
            // Rounding leaves nothing to gain.
            if halvings == 40 { break }
            let s = zip(next, x).map(-)
            let y = zip(nextGradient, gradient).map(-)
            let curvature = dot(s, y)
            if curvature > 1e-12 * dot(y, y) {
                steps.append((s, y, 1 / curvature))
                if steps.count > Self.memory { steps.removeFirst() }
            }
            (x, value, gradient) = (next, nextValue, nextGradient)
            iterations += 1
            try iteration(iterations, value)
        }
        let weights = classes * features.width
        return Fit(
            weight: x.prefix(weights).map { Float($0) }, bias: x.suffix(classes).map { Float($0) },
            iterations: iterations, gradient: largest(gradient), isConverged: largest(gradient) <= tolerance)
    }

    /// −H·gradient, with the inverse Hessian H that the last steps tell (two loops).
    private static func direction(
        _ gradient: [Double], _ steps: [(s: [Double], y: [Double], scale: Double)]
    ) -> [Double] {
        var q = gradient.map { -$0 }
        var shares: [Double] = []
        for step in steps.reversed() {
            let share = step.scale * dot(step.s, q)
            shares.append(share)
            for i in q.indices { q[i] -= share * step.y[i] }
        }
        if let last = steps.last {
            let scale = 1 / (last.scale * dot(last.y, last.y))
            for i in q.indices { q[i] *= scale }
        }
        for (step, share) in zip(steps, shares.reversed()) {
            let other = step.scale * dot(step.y, q)
            for i in q.indices { q[i] += (share - other) * step.s[i] }
        }
        return q
    }

    /// Loss and accuracy of a fit.
    ///
    /// - Throws: `VitvideoError.mathLibraryMissing`.
    package static func measure(_ fit: Fit, on features: FrozenFeatures) throws -> Measures {
        let classes = fit.bias.count
        var logits = [Float](repeating: 0, count: features.count * classes)
        try MatrixProduct()(
            &logits, stride: classes, features.values, stride: features.width, fit.weight,
            stride: features.width,
            bTransposed: true, m: features.count, n: classes, k: features.width)
        vv_add_bias(&logits, fit.bias, features.count, classes)
        var measures = Measures()
        logits.withUnsafeBufferPointer { logits in
            for (picture, label) in features.labels.enumerated() {
                let row = logits.baseAddress! + picture * classes
                let loss = LogSum(count: classes) { Double(row[$0]) }.value - Double(row[Int(label)])
                measures.add(loss: loss, logits: row, classes: classes, label: Int(label))
            }
        }
        return measures
    }

    // MARK: The file

    /// Writes a fit as `LinearHead.load` reads it: `weight` and `bias`.
    ///
    /// - Throws: `VitvideoError` where the file cannot be written.
    package static func write(_ fit: Fit, classNames: [String], to path: String) throws {
        let classes = fit.bias.count
        try Safetensors.write(
            [
                ("weight", [classes, fit.weight.count / max(classes, 1)], fit.weight),
                ("bias", [classes], fit.bias),
            ], metadata: ["class_names": JSONValue.array(classNames.map { .string($0) }).json], to: path)
    }
}

private func dot(_ a: [Double], _ b: [Double]) -> Double {
    var sum = 0.0
    for i in a.indices { sum += a[i] * b[i] }
    return sum
}

private func largest(_ values: [Double]) -> Double { values.reduce(0) { max($0, abs($1)) } }

/// J and its gradient. Products are in 32-bit floats, piece by piece, everything else in 64-bit ones.
private struct Objective {
    private let features: FrozenFeatures
    private let classes: Int
    private let lambda: Double
    private let product: MatrixProduct

    /// Pictures computed together.
    private static let piece = 512

    init(_ features: FrozenFeatures, classes: Int, lambda: Double) throws {
        self.features = features
        self.classes = classes
        self.lambda = lambda
        product = try MatrixProduct()
    }

    /// - Parameter x: `classes × width` weights, then `classes` biases.
    func callAsFunction(_ x: [Double]) -> (value: Double, gradient: [Double]) {
        let (width, n) = (features.width, features.count)
        let weights = x.prefix(classes * width).map { Float($0) }
        let bias = Array(x.suffix(classes))
        var gradient = [Double](repeating: 0, count: x.count)
        var logits = [Float](repeating: 0, count: Self.piece * classes)
        var part = [Float](repeating: 0, count: classes * width)
        var value = 0.0
        for start in stride(from: 0, to: n, by: Self.piece) {
            let count = min(Self.piece, n - start)
            features.values.withUnsafeBufferPointer { values in
                let rows = values.baseAddress! + start * width
                product(
                    &logits, stride: classes, rows, stride: width, weights, stride: width, bTransposed: true,
                    m: count, n: classes, k: width)
                for row in 0..<count {
                    let own = row * classes
                    let scores = (0..<classes).map { Double(logits[own + $0]) + bias[$0] }
                    let logSum = LogSum(count: classes) { scores[$0] }.value
                    let label = Int(features.labels[start + row])
                    value += logSum - scores[label]
                    for i in 0..<classes {
                        let error = exp(scores[i] - logSum) - (i == label ? 1 : 0)
                        logits[own + i] = Float(error)
                        gradient[classes * width + i] += error
                    }
                }
                product(
                    &part, stride: width, logits, stride: classes, rows, stride: width, aTransposed: true,
                    bTransposed: false, m: classes, n: width, k: count)
            }
            for i in part.indices { gradient[i] += Double(part[i]) }
        }
        for i in gradient.indices { gradient[i] /= Double(n) }
        value /= Double(n)
        for i in 0..<classes * width {
            value += 0.5 * lambda * x[i] * x[i]
            gradient[i] += lambda * x[i]
        }
        return (value, gradient)
    }
}
