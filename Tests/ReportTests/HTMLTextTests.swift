import Testing

@testable import Report

@Suite struct HTMLTextTests {
    @Test func whatHTMLReadsAsItsOwnIsEscaped() {
        #expect(
            HTMLText.escaped("<img src=x onerror='a()'> & \"b\".jpg")
                == "&lt;img src=x onerror=&#39;a()&#39;&gt; &amp; &quot;b&quot;.jpg")
        #expect(HTMLText.escaped("a\nb\u{1B}[2J") == "a b\u{FFFD}[2J")
        #expect(HTMLText.escaped("füße 日本 🐕.png") == "füße 日本 🐕.png")
    }
}
