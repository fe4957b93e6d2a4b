/// Sums of floats in several lanes, which is faster and rounds less than one after the other.
enum VectorSum {
    static func of(_ values: UnsafePointer<Float>, count: Int) -> Float {
        let raw = UnsafeRawPointer(values)
        let whole = count / 16 * 16
        var lanes = SIMD16<Float>()
        for i in stride(from: 0, to: whole, by: 16) {
            lanes += raw.loadUnaligned(fromByteOffset: i * 4, as: SIMD16<Float>.self)
        }
        var sum = lanes.sum()
        for i in whole..<count { sum += values[i] }
        return sum
    }

    /// Σ a ⊙ b.
    static func product(_ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, count: Int) -> Float {
        let (rawA, rawB) = (UnsafeRawPointer(a), UnsafeRawPointer(b))
        let whole = count / 16 * 16
        var lanes = SIMD16<Float>()
        for i in stride(from: 0, to: whole, by: 16) {
            lanes +=
                rawA.loadUnaligned(fromByteOffset: i * 4, as: SIMD16<Float>.self)
                * rawB.loadUnaligned(fromByteOffset: i * 4, as: SIMD16<Float>.self)
        }
        var sum = lanes.sum()
        for i in whole..<count { sum += a[i] * b[i] }
        return sum
    }
}
