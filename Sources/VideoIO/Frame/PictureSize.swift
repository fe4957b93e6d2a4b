/// The size of a picture in pixels.
struct PictureSize: Equatable {
    var height: Int
    var width: Int
}
