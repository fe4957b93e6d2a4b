import Testing

@testable import Pipeline

/// What pictures are called in their outputs.
@Suite struct PictureNameTests {
    @Test(arguments: [
        (["dog.jpg", "photos/cat.png"], ["dog.jpg", "cat.png"], ["dog", "cat"]),
        // Another's name without its extension.
        (["a/dog.jpg", "a/dog.png", "cat"], ["dog.jpg", "dog.png", "cat"], ["dog.jpg", "dog.png", "cat"]),
        // One folder tells them apart, or two.
        (["a/1.jpg", "b/1.jpg", "2.jpg"], ["a-1.jpg", "b-1.jpg", "2.jpg"], ["a-1", "b-1", "2"]),
        (
            ["x/a/1.jpg", "y/a/1.jpg", "./1.png"], ["x-a-1.jpg", "y-a-1.jpg", "1.png"],
            ["x-a-1", "y-a-1", "1"]
        ),
        // The same picture twice.
        (["1.jpg", "./1.jpg", "1.jpg"], ["1.jpg", "1-2.jpg", "1-3.jpg"], ["1", "1-2", "1-3"]),
        // A name that is hidden, and one with what is a number to FFmpeg.
        ([".dog.jpg", "a%03d.jpg"], ["_dog.jpg", "a%03d.jpg"], ["_dog", "a_03d"]),
        (["a%.jpg", "a_.jpg"], ["a%.jpg", "a_.jpg"], ["a_.jpg", "a_-2.jpg"]),
    ]) func namesAreDifferent(paths: [String], files: [String], stems: [String]) {
        let names = PictureName.names(of: paths)
        #expect(names.map(\.file) == files)
        #expect(names.map(\.stem) == stems)
    }

    @Test func thePlaceOfTheNameIsFilled() {
        let name = PictureName(file: "dog.jpg", stem: "dog")
        #expect(name.path("out/%s-map.png") == "out/dog-map.png")
        #expect(name.path("%s/%s.png") == "dog/dog.png")
    }
}
