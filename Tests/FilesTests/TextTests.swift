import Base
import Testing

@Suite struct TextTests {
    @Test(arguments: [
        (0, "0 bytes"), (999, "999 bytes"), (1000, "1.0 kB"), (9_949, "9.9 kB"), (9_950, "10 kB"),
        (999_499, "999 kB"), (999_500, "1.0 MB"), (84_400_000, "84 MB"), (4_549_000_000, "4.5 GB"),
        (27_000_000_000, "27 GB"), (3_000_000_000_000, "3000 GB"),
    ]) func bytesAreInTheUnitThatKeepsThemShort(count: Int, text: String) {
        #expect(byteText(count) == text)
    }
}
