/// The eigenvectors of a symmetric positive matrix that belong to its largest eigenvalues.
///
/// Subspace iteration in double precision with a few vectors more than wanted, turned onto the axes of the
/// small matrix VᵀCV at every step (Rayleigh–Ritz), from a seeded start: the same matrix gives the same
/// vectors.
enum LeadingEigenvectors {
    private static let extraVectors = 8
    private static let mostSteps = 1000
    /// How large ‖Cv − λv‖ may remain, relative to the largest eigenvalue.
    private static let tolerance = 1e-9

    /// - Parameters:
    ///   - matrix: `size × size`.
    ///   - count: how many vectors, at most `size`.
    /// - Returns: by falling eigenvalue, unit vectors orthogonal to one another, also where eigenvalues are
    ///   0.
    static func of(_ matrix: [Double], size: Int, count: Int) -> [(value: Double, vector: [Double])] {
        let vectors = min(size, count + extraVectors)
        var state: UInt64 = 1
        var basis = (0..<vectors).map { _ in
            (0..<size).map { _ -> Double in
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                return Double(state >> 40) / Double(1 << 24) - 0.5
            }
        }
        orthonormalize(&basis)
        var found: [(value: Double, vector: [Double])] = []
        for _ in 0..<mostSteps {
            let images = basis.map { multiply(matrix, $0) }
            var small = [[Double]](repeating: [Double](repeating: 0, count: vectors), count: vectors)
            for i in 0..<vectors {
                for j in 0..<vectors { small[i][j] = dot(basis[i], images[j]) }
            }
            let axes = SmallEigenvectors.of(small)
            found = axes.map { ($0.value, combine(basis, $0.vector)) }
            let turned = axes.map { combine(images, $0.vector) }
            let largest = found.first?.value ?? 0
            let residual = (0..<count).reduce(0.0) { worst, i in
                let rest = zip(turned[i], found[i].vector).map { $0 - found[i].value * $1 }
                return max(worst, dot(rest, rest).squareRoot())
            }
            if residual <= tolerance * largest || largest <= 0 { break }
            // What the matrix sends to nothing keeps its direction.
            basis = zip(turned, found).map { image, pair in
                dot(image, image).squareRoot() <= 1e-14 * largest ? pair.vector : image
            }
            orthonormalize(&basis)
        }
        return Array(found.prefix(count))
    }

    private static func multiply(_ matrix: [Double], _ vector: [Double]) -> [Double] {
        let size = vector.count
        var result = [Double](repeating: 0, count: size)
        matrix.withUnsafeBufferPointer { matrix in
            vector.withUnsafeBufferPointer { vector in
                result.withUnsafeMutableBufferPointer { result in
                    // The matrix is symmetric: columns may stand for rows, which keeps the inner loop free of
                    // a running sum.
                    for i in 0..<size {
                        let scale = vector[i]
                        for j in 0..<size { result[j] += scale * matrix[i * size + j] }
                    }
                }
            }
        }
        return result
    }

    private static func dot(_ a: [Double], _ b: [Double]) -> Double {
        zip(a, b).reduce(0) { $0 + $1.0 * $1.1 }
    }

    private static func combine(_ vectors: [[Double]], _ weights: [Double]) -> [Double] {
        var result = [Double](repeating: 0, count: vectors[0].count)
        for (vector, weight) in zip(vectors, weights) {
            for i in result.indices { result[i] += weight * vector[i] }
        }
        return result
    }

    /// Gram–Schmidt, twice over for what the first time rounds away.
    private static func orthonormalize(_ vectors: inout [[Double]]) {
        for i in vectors.indices {
            for attempt in 0...vectors[i].count {
                let before = dot(vectors[i], vectors[i]).squareRoot()
                for _ in 0..<2 {
                    for j in 0..<i {
                        let along = dot(vectors[i], vectors[j])
                        for k in vectors[i].indices { vectors[i][k] -= along * vectors[j][k] }
                    }
                }
                let length = dot(vectors[i], vectors[i]).squareRoot()
                if length > 1e-12 * before && length > 0 {
                    for k in vectors[i].indices { vectors[i][k] /= length }
                    break
                }
                // It lay within the others: try the axes in turn, one of which does not.
                vectors[i] = vectors[i].indices.map { $0 == attempt ? 1 : 0 }
            }
        }
    }
}

/// All eigenvectors of a small symmetric matrix, by Jacobi's rotations.
package enum SmallEigenvectors {
    /// - Returns: by falling eigenvalue.
    package static func of(_ matrix: [[Double]]) -> [(value: Double, vector: [Double])] {
        let size = matrix.count
        var a = matrix
        var vectors = (0..<size).map { i in (0..<size).map { $0 == i ? 1.0 : 0 } }
        for _ in 0..<60 {
            var off = 0.0
            var diagonal = 0.0
            for i in 0..<size {
                diagonal += a[i][i] * a[i][i]
                for j in 0..<size where j != i { off += a[i][j] * a[i][j] }
            }
            if off <= 1e-32 * diagonal || off == 0 { break }
            for p in 0..<size {
                for q in p + 1..<max(size, p + 1) where a[p][q] != 0 { rotate(&a, &vectors, p, q) }
            }
        }
        return (0..<size).sorted { a[$0][$0] > a[$1][$1] }.map { (a[$0][$0], vectors[$0]) }
    }

    /// Makes a[p][q] zero; rows of `vectors` are the eigenvectors.
    private static func rotate(_ a: inout [[Double]], _ vectors: inout [[Double]], _ p: Int, _ q: Int) {
        let theta = (a[q][q] - a[p][p]) / (2 * a[p][q])
        let t = (theta < 0 ? -1 : 1) / (abs(theta) + (theta * theta + 1).squareRoot())
        let c = 1 / (t * t + 1).squareRoot()
        let s = t * c
        for k in a.indices {
            let (x, y) = (a[k][p], a[k][q])
            (a[k][p], a[k][q]) = (c * x - s * y, s * x + c * y)
        }
        for k in a.indices {
            let (x, y) = (a[p][k], a[q][k])
            (a[p][k], a[q][k]) = (c * x - s * y, s * x + c * y)
            let (u, v) = (vectors[p][k], vectors[q][k])
            (vectors[p][k], vectors[q][k]) = (c * u - s * v, s * u + c * v)
        }
    }
}
