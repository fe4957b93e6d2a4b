/// The value of a number that pictures have, and its gradient with respect to their pixels, for one picture after the other of
/// one size. Belongs to one thread at a time.
package protocol PixelDifferentiator: AnyObject {
    /// The value alone.
    ///
    /// - Parameter planes: normalized, `3 × height × width`.
    /// - Throws: as `run`.
    func value(of planes: [Float]) throws -> Float

    /// - Parameter planes: normalized, `3 × height × width`.
    /// - Throws: `VitvideoError.notFinite`, `VitvideoError.mathLibraryFailed`, `Cancellation.Cancelled`.
    func run(_ planes: [Float]) throws -> PixelGradient.Result
}

extension PixelGradient: PixelDifferentiator {}
