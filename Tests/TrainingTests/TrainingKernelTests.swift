import Base
import CKernels
import Fixtures
import Glibc
import Testing

/// The kernels of training against naive twins.
@Suite struct TrainingKernelTests {
    static func random(_ count: Int, seed: UInt64 = 1) -> [Float] {
        var draw = SplitMix64(seed: seed)
        return (0..<count).map { _ in draw.normal() }
    }

    // MARK: Products

    struct Product: Sendable {
        let m: Int
        let n: Int
        let k: Int
    }

    static let products = [
        Product(m: 1, n: 1, k: 1), Product(m: 5, n: 15, k: 3), Product(m: 6, n: 16, k: 64),
        Product(m: 144, n: 144, k: 64), Product(m: 133, n: 33, k: 385), Product(m: 49, n: 100, k: 769),
        Product(m: 300, n: 17, k: 20),
    ]

    /// All forms of both factors, stored in wider matrices, added and not.
    @Test(arguments: products)
    func productIsTheSumOfProducts(product: Product) {
        checkSums(
            product, factor: { $0 }, packedCount: vv_product_packed_count,
            pack: { vv_product_pack($0, $1, $2, $3, $4, $5) },
            multiply: { vv_product($0, $1, $2, $3, $4, $5, $6, $7, $8, $9) })
    }

    /// Of factors rounded to bfloat16, by the CPU's own multiplications where it has them and by any CPU's.
    @Test(arguments: products + [Product(m: 132, n: 64, k: 384), Product(m: 265, n: 65, k: 387)])
    func productOfBfloat16IsTheSumOfProducts(product: Product) {
        for multiply in [vv_product_bf16, vv_product_bf16_anywhere] {
            checkSums(
                product, factor: Self.roundedToBfloat16, packedCount: vv_product_bf16_packed_count,
                pack: { vv_product_bf16_pack($0, $1, $2, $3, $4, $5) },
                multiply: { multiply($0, $1, $2, $3, $4, $5, $6, $7, $8, $9) })
        }
    }

    /// To nearest, ties to even.
    static func roundedToBfloat16(_ value: Float) -> Float {
        let bits = value.bitPattern
        return Float(bitPattern: (bits &+ 0x7FFF &+ (bits >> 16 & 1)) & 0xFFFF_0000)
    }

    /// - Parameters:
    ///   - factor: what a factor is multiplied as.
    ///   - packedCount, pack, multiply: as of `vv_product`.
    private func checkSums(
        _ product: Product, factor: (Float) -> Float, packedCount: (Int, Int) -> Int,
        pack: (UnsafeMutablePointer<Float>, UnsafePointer<Float>, Int, Int, Int, Bool) -> Void,
        multiply: (
            UnsafeMutablePointer<Float>, Int, UnsafePointer<Float>, Int, Bool, UnsafePointer<Float>, Int, Int,
            Int, Bool
        ) -> Void
    ) {
        let (m, n, k) = (product.m, product.n, product.k)
        for form in 0..<8 {
            let (aTransposed, bTransposed, adds) = (form & 1 > 0, form & 2 > 0, form & 4 > 0)
            let aStride = (aTransposed ? m : k) + 3
            let bStride = (bTransposed ? k : n) + 5
            let cStride = n + 2
            let a = Self.random((aTransposed ? k : m) * aStride, seed: 1)
            let b = Self.random((bTransposed ? n : k) * bStride, seed: 2)
            var c = Self.random(m * cStride, seed: 3)
            var expected = c
            for row in 0..<m {
                for column in 0..<n {
                    var sum = adds ? Double(c[row * cStride + column]) : 0
                    for i in 0..<k {
                        let left = aTransposed ? a[i * aStride + row] : a[row * aStride + i]
                        let right = bTransposed ? b[column * bStride + i] : b[i * bStride + column]
                        sum += Double(factor(left)) * Double(factor(right))
                    }
                    expected[row * cStride + column] = Float(sum)
                }
            }
            var packed = [Float](repeating: .nan, count: packedCount(k, n))
            pack(&packed, b, bStride, k, n, bTransposed)
            multiply(&c, cStride, a, aStride, aTransposed, packed, m, n, k, adds)
            #expect(relativeError(c, expected) < 1e-5, "form \(form)")
        }
    }

    // MARK: Dropout

    static func isDropped(_ index: Int, _ dropout: vv_dropout) -> Bool {
        var h = UInt32(truncatingIfNeeded: index) &+ dropout.key.0
        h ^= h >> 16
        h = h &* 0x7feb_352d
        h ^= dropout.key.1
        h ^= h >> 15
        h = h &* 0x846c_a68b
        h ^= h >> 16
        return h >> 1 < dropout.threshold
    }

    static let dropout = vv_dropout(
        key: (0x1234_5678, 0x9abc_def0), threshold: UInt32(0.3 * 0x1p31), scale: 1 / 0.7)

    @Test func droppedValuesAreThoseOfTheFormula() {
        let x = Self.random(100_003)
        var found = x
        vv_drop(&found, x.count, 7, Self.dropout)
        let expected = x.indices.map { Self.isDropped(7 + $0, Self.dropout) ? 0 : x[$0] * Self.dropout.scale }
        #expect(found == expected)
        let share = Float(expected.count { $0 == 0 }) / Float(x.count)
        #expect(abs(share - 0.3) < 0.005)
    }

    /// Masks of neighboring values, and of two keys, have nothing to do with each other.
    @Test func masksAreIndependent() {
        let other = vv_dropout(key: (0x1234_5679, 0x9abc_def0), threshold: Self.dropout.threshold, scale: 1)
        let count = 200_000
        var (neighbors, keys) = (0, 0)
        for i in 0..<count where Self.isDropped(i, Self.dropout) {
            if Self.isDropped(i + 1, Self.dropout) { neighbors += 1 }
            if Self.isDropped(i + 17, other) { keys += 1 }
        }
        #expect(abs(Double(neighbors) / Double(count) - 0.09) < 0.003)
        #expect(abs(Double(keys) / Double(count) - 0.09) < 0.003)
    }

    @Test func droppedGELU() {
        let (rows, width) = (5, 37)
        var x = Self.random(rows * width)
        let (input, bias) = (x, Self.random(width, seed: 2))
        var out = [Float](repeating: 0, count: x.count)
        vv_gelu_dropped_with_slope(&out, &x, bias, rows, width, Self.dropout)
        for i in x.indices {
            let v = Double(input[i] + bias[i % width])
            let below = 0.5 * (1 + erf(v / 2.0.squareRoot()))
            let mask = Self.isDropped(i, Self.dropout) ? 0 : Double(Self.dropout.scale)
            let density = exp(-0.5 * v * v) / (2 * Double.pi).squareRoot()
            #expect(abs(Double(out[i]) - mask * v * below) < 2e-6)
            #expect(abs(Double(x[i]) - mask * (below + v * density)) < 2e-6)
        }
    }

    // MARK: Attention

    @Test(arguments: [1, 16, 37], [0.4, -0.7] as [Float])
    func attentionRowsAndTheirBackwardPass(tokens: Int, scale: Float) {
        for skipsDiagonal in [false, true] where tokens > 1 || !skipsDiagonal {
            check(tokens: tokens, scale: scale, skipsDiagonal: skipsDiagonal)
        }
    }

    private func check(tokens: Int, scale: Float, skipsDiagonal: Bool) {
        let scores = Self.random(tokens * tokens).map { 3 * $0 }
        let gradient = Self.random(tokens * tokens, seed: 2)
        var kept = scores
        var dropped = scores
        vv_attention_rows(&kept, &dropped, tokens, scale, skipsDiagonal, 11, Self.dropout)
        var again = scores
        vv_attention_dropped(&again, kept, kept.count, Self.dropout.scale)
        #expect(again == dropped)
        var found = gradient
        vv_attention_rows_backward(&found, kept, tokens, scale, Self.dropout.scale)
        for row in 0..<tokens {
            let values = (0..<tokens).map { column in
                skipsDiagonal && column == row ? 0 : exp(Double(scale * scores[row * tokens + column]))
            }
            let sum = values.reduce(0, +)
            let p = values.map { $0 / sum }
            let mask = (0..<tokens).map { column in
                Self.isDropped(11 + row * tokens + column, Self.dropout) ? 0 : Double(Self.dropout.scale)
            }
            let g = (0..<tokens).map { mask[$0] * Double(gradient[row * tokens + $0]) }
            let dot = zip(p, g).reduce(0) { $0 + $1.0 * $1.1 }
            for column in 0..<tokens {
                let i = row * tokens + column
                #expect(abs(Double(abs(kept[i])) - p[column]) < 1e-6)
                #expect((kept[i] > 0) == (mask[column] > 0 && p[column] > 0))
                #expect(abs(Double(dropped[i]) - mask[column] * p[column]) < 2e-6)
                #expect(abs(Double(found[i]) - Double(scale) * p[column] * (g[column] - dot)) < 1e-5)
            }
        }
    }

    // MARK: AdamW

    @Test func stepOfAdamW() {
        let count = 21
        var (p, m, v) = (
            Self.random(count), Self.random(count, seed: 2), Self.random(count, seed: 3).map { $0 * $0 }
        )
        let (p0, m0, v0, g) = (p, m, v, Self.random(count, seed: 4))
        let settings = vv_adamw(
            rate: 0.01, beta1: 0.9, beta2: 0.99, correction1: 0.271, correction2: 0.0297, epsilon: 1e-6,
            gradient_scale: 0.5, weight_decay: 0.1)
        vv_adamw_step(&p, &m, &v, g, count, settings)
        for i in 0..<count {
            let gradient = 0.5 * Double(g[i])
            let first = 0.9 * Double(m0[i]) + 0.1 * gradient
            let second = 0.99 * Double(v0[i]) + 0.01 * gradient * gradient
            let step = 0.01 * (first / 0.271) / ((second / 0.0297).squareRoot() + 1e-6)
            #expect(abs(Double(m[i]) - first) < 1e-6 && abs(Double(v[i]) - second) < 1e-6)
            #expect(abs(Double(p[i]) - (Double(p0[i]) * (1 - 0.001) - step)) < 1e-6)
        }
    }
}
