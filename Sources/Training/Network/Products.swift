import CKernels
import ViT

/// The right factor B [k, n] of a product, as it lies in memory or packed.
struct RightFactor {
    enum Form {
        case rows(stride: Int)
        /// Stored as [n, k].
        case transposed(stride: Int)
        /// As `vv_product_pack` leaves it.
        case packed
    }

    let start: UnsafePointer<Float>
    let form: Form
}

/// Matrix products of one worker, on the calling thread: by the program's own kernels for factors that stay in the
/// second-level cache, where they are the fastest, and by OpenBLAS for others.
final class Products {
    private let product: MatrixProduct
    private let packs: Bool
    /// A right factor that is packed for one product.
    private let packed: FloatBuffer

    /// Values of a right factor that is packed, at most.
    private static let mostPacked = 1 << 16

    /// - Parameter packs: whether right factors are packed for the own kernels. OpenBLAS packs both factors at every call
    ///   and clears the result first, which small products spend a third of their time on.
    /// - Throws: `VitvideoError.mathLibraryMissing`.
    init(packs: Bool) throws {
        product = try MatrixProduct()
        self.packs = packs
        packed = FloatBuffer(packs ? 2 * Self.mostPacked : 0)
    }

    /// c [m, n] = a · b, or that added to what is in `c`.
    ///
    /// - Parameters:
    ///   - aTransposed: whether `a` is stored as [k, m] instead of [m, k].
    func callAsFunction(
        _ c: UnsafeMutablePointer<Float>, stride cStride: Int, _ a: UnsafePointer<Float>, stride aStride: Int,
        aTransposed: Bool = false, _ b: RightFactor, m: Int, n: Int, k: Int, adds: Bool = false
    ) {
        switch b.form {
        case .packed:
            vv_product(c, cStride, a, aStride, aTransposed, b.start, m, n, k, adds)
        case .rows(let stride):
            product(
                c, stride: cStride, a, stride: aStride, b.start, stride: stride, aTransposed: aTransposed,
                bTransposed: false, m: m, n: n, k: k, beta: adds ? 1 : 0)
        case .transposed(let stride):
            product(
                c, stride: cStride, a, stride: aStride, b.start, stride: stride, aTransposed: aTransposed,
                bTransposed: true, m: m, n: n, k: k, beta: adds ? 1 : 0)
        }
    }

    /// A right factor that is good until the next one is asked for.
    ///
    /// - Parameter transposed: whether it is stored as [n, k].
    func factor(
        _ start: UnsafePointer<Float>, stride: Int, transposed: Bool = false, k: Int, n: Int
    ) -> RightFactor {
        guard packs, k * n <= Self.mostPacked, vv_product_packed_count(k, n) <= packed.count else {
            return RightFactor(
                start: start, form: transposed ? .transposed(stride: stride) : .rows(stride: stride))
        }
        vv_product_pack(packed.start, start, stride, k, n, transposed)
        return RightFactor(start: UnsafePointer(packed.start), form: .packed)
    }
}
