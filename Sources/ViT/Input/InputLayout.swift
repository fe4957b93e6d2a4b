/// Where the model's patch grid lies on a picture.
package struct InputLayout: Sendable, Hashable {
    /// The picture's size after resizing, before cropping to whole patches.
    package let resizedHeight: Int
    package let resizedWidth: Int
    /// The patch grid.
    package let rows: Int
    package let columns: Int
    /// Size of one patch in pixels of the original picture. The grid starts at its top left corner.
    package let cellHeight: Double
    package let cellWidth: Double

    package var patches: Int { rows * columns }
}
