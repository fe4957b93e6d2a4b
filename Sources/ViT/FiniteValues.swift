import Base
import CKernels

/// Finds values that are no numbers, before something is made of them: a map of NaN would be drawn black, and
/// nothing that sorts or fits can deal with it.
package enum FiniteValues {
    /// The place of the first infinite value or NaN; nil where there is none.
    package static func firstOther(_ values: [Float]) -> Int? {
        let count = vv_finite_prefix(values, values.count)
        return count < values.count ? count : nil
    }

    /// - Throws: `VitvideoError.notFinite`.
    package static func check(_ values: [Float], in place: @autoclosure () -> String) throws {
        if firstOther(values) != nil { throw VitvideoError.notFinite(in: place()) }
    }

    /// - Throws: `VitvideoError.notFinite`.
    package static func check(_ start: UnsafePointer<Float>, count: Int, in place: @autoclosure () -> String)
        throws
    {
        if vv_finite_prefix(start, count) < count { throw VitvideoError.notFinite(in: place()) }
    }
}
